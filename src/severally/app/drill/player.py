"""Two people at two terminals, who type what docs/drill.md says.

Responsible for running the program as they would, each signed in for themselves. Knows nothing of
how the program does it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

from severally.app.drill.scene import AUDIENCE, FIRST, NOTICE, SECOND, Scene
from severally.model.errors import Refused, SeverallyError

_POLL_S = 0.25
_PATIENCE_S = 600.0
_TRIES = 3
_ASKED = "a thousand told, a second person asked"


class Watching(Protocol):
    """See `show.Watcher`."""

    def look(self) -> object: ...
    def reached(self, name: str) -> bool: ...
    @property
    def mailing(self) -> str: ...


class Player:
    """`play` does all of it. Raises SeverallyError where a command does not end well."""

    def __init__(self, scene: Scene, watching: Watching, say: Callable[[str], None]) -> None:
        self._scene = scene
        self._watching = watching
        self._say = say

    def play(self) -> None:
        """From the draft to the review."""
        self._scene.draft()
        self._run(FIRST, "check", NOTICE, "--audience", AUDIENCE)
        self._sign_in(FIRST)
        self._run(FIRST, "propose", NOTICE, "--audience", AUDIENCE)
        self._watching.look()
        mailing = self._watching.mailing
        self._send(mailing)
        self._run(SECOND, "review", mailing, "--words", "practice")
        self._watching.look()

    def _send(self, mailing: str) -> None:
        words = ("send", mailing, "--break-glass", "--incident", "DRILL", "--reason", "practice")
        for _ in range(_TRIES):
            sending = self._start(FIRST, *words, "--code", self._scene.code(FIRST))
            try:
                self._until(sending, _ASKED)
                if self._watching.reached(_ASKED):
                    self._sign_in(SECOND)
                    self._run(SECOND, "acknowledge", mailing, "--code", code_of=0)
                self._until(sending)
            finally:
                err = self._ended(sending)
            if not _late(sending, err):
                break
        if sending.returncode:
            raise SeverallyError(f"the sending ended with {sending.returncode}: {err[-500:]}")
        if not self._watching.reached(_ASKED):  # fewer than a thousand: nobody was asked
            self._sign_in(SECOND)

    def _sign_in(self, name: str) -> None:
        """With the code of the half minute before, so that the next one is fresh at once."""
        password = str(self._scene.password_file(name))
        self._run(name, "sign-in", name, "--password-file", password, "--code", code_of=-1)

    def _run(self, who: str, *words: str, code_of: int | None = None) -> None:
        """One command; `code_of` adds the code of so many half minutes from now."""
        for _ in range(_TRIES):
            code = () if code_of is None else (self._scene.code(who, code_of),)
            process = self._start(who, *words, *code)
            _, err = process.communicate(timeout=_PATIENCE_S)
            self._watching.look()
            if not _late(process, err):
                break
        if process.returncode:
            raise SeverallyError(f"`severally {words[0]}` ended with {process.returncode}: {err}")

    def _start(self, who: str, *words: str) -> subprocess.Popen[str]:
        self._say(f"{who}> severally {' '.join(words)}")
        state = self._scene.root.parent / f"{who}.state"
        return subprocess.Popen(
            [sys.executable, "-m", "severally.app.cli.main", *words],
            cwd=self._scene.root,
            env={**os.environ, "XDG_STATE_HOME": str(state)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _ended(self, sending: subprocess.Popen[str]) -> str:
        if sending.poll() is None:
            sending.terminate()
        return sending.communicate(timeout=_PATIENCE_S)[1]

    def _until(self, sending: subprocess.Popen[str], name: str = "") -> None:
        """Until it has ended, or this step was reached."""
        deadline = time.monotonic() + _PATIENCE_S
        while sending.poll() is None and not self._watching.reached(name):
            if time.monotonic() > deadline:
                raise SeverallyError("the drill did not come to its end; see `severally status`")
            time.sleep(_POLL_S)
            self._watching.look()


def _late(process: subprocess.Popen[str], err: str) -> bool:
    """On a busy machine a code may be too old when it is read: then with the next one."""
    return process.returncode == Refused.exit_code and "code of this minute" in err
