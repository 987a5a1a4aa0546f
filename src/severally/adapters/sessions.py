"""Where a signed-in person's pass lies between two commands: a file for their eyes alone.

Outside the workspace, so that it is neither committed nor copied with it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from severally.model.errors import UsageError

TOKEN_VARIABLE = "SEVERALLY_TOKEN"  # noqa: S105  (a name, not a token)
"""The environment variable in which a program shows its token."""


class SessionFile:
    """`$XDG_STATE_HOME/severally/sessions/…` (or below ~/.local/state), one for each workspace."""

    def __init__(self, workspace: Path) -> None:
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        name = hashlib.sha256(str(workspace.resolve()).encode()).hexdigest()[:16]
        self.path = Path(base) / "severally" / "sessions" / name

    def shown(self) -> str:
        """The secret of the pass: the token in the environment, or that of the session; ``."""
        if token := os.environ.get(TOKEN_VARIABLE):
            return token
        try:
            if self.path.stat().st_mode & 0o077:
                raise UsageError(f"{self.path} can be read by others; sign in again")
            return self.path.read_text("ascii").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from None

    def keep(self, secret: str) -> None:
        """Write it, mode 0600. Raises UsageError."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.unlink(missing_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secret + "\n")
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror}") from None

    def forget(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
