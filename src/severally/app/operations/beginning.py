"""`init`: a new workspace with the sample notice, ready to try."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from severally.adapters.keys import make_keys
from severally.app.config import FILE
from severally.app.operations.results import InitResult
from severally.app.wiring import open_ledger
from severally.model.errors import UsageError

_SETTINGS = """\
# All settings: docs/configuration.md. Secrets never stand in this file.

[workspace]
purpose = "trial"                    # sends only to the two lists below
allow_domains = ["*.example", "*.test", "*.invalid", "localhost"]    # recipients
allow_hosts = ["127.0.0.0/8", "::1", "localhost"]                    # relays

[audience]
delimiter = ","
# columns = { id = "Customer no.", email = "E-Mail" }                # ours = theirs

[senders.notices]
address = "notices@exchange.example"
name = "Example Exchange"
reply_to = "support@exchange.example"
return_path = "bounces@exchange.example"

[routes.main]
type = "maildir"                     # into a folder, to look at; a relay is type = "smtp"
path = "outbox"

[urgent]
routes = ["main"]                    # password resets and their like; a second one is the fall-back
"""
_IGNORED = """\
/keys/
/.severally/
/outbox/
/preview/
"""


def init(folder: Path) -> InitResult:
    """Make the workspace; of one that came without its keys (from version control), the keys.

    Raises UsageError where the folder holds something else already.
    """
    if (folder / FILE).is_file() and not (folder / "keys").exists():
        return _keys_alone(folder)
    if folder.is_dir() and any(path.name != ".git" for path in folder.iterdir()):
        raise UsageError(f"{folder} is not empty; name a new folder: severally init DIR")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [*_copy(resources.files("severally.app") / "sample", folder)]
        written += [_write(folder / FILE, _SETTINGS), _write(folder / ".gitignore", _IGNORED)]
        make_keys(folder / "keys")
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from None
    written += [folder / "keys" / "data.key", folder / "keys" / "index.key"]
    names = sorted(str(path.relative_to(folder)) for path in written)
    return InitResult(str(folder), tuple(names))


def _keys_alone(folder: Path) -> InitResult:
    if _has_record(folder / ".severally" / "ledger.sqlite3"):
        raise UsageError(
            f"{folder} has a record but no keys: put back the keys it was written with; "
            "new ones could not read it"
        )
    try:
        make_keys(folder / "keys")
    except OSError as error:
        raise UsageError(f"{folder / 'keys'} cannot be made: {error.strerror}") from None
    return InitResult(str(folder), ("keys/data.key", "keys/index.key"), False)


def _has_record(path: Path) -> bool:
    """Whether anything was written with keys. Looking at a draft makes an empty ledger."""
    if not path.exists():
        return False
    ledger = open_ledger(path)
    try:
        return bool(ledger.mailings())
    finally:
        ledger.close()


def _copy(source: Traversable, target: Path) -> list[Path]:
    target.mkdir(exist_ok=True)
    written: list[Path] = []
    for item in source.iterdir():
        if item.is_dir() and item.name != "__pycache__":
            written += _copy(item, target / item.name)
        elif item.is_file() and not item.name.endswith(".py"):
            written.append(_write(target / item.name, item.read_text("utf-8")))
    return written


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8", newline="\n")
    return path
