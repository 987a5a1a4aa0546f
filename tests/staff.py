"""People who work with a workspace: entered, signed in, each with codes of their own.

Their clock is the system's, set forward whenever a fresh code is wanted.
"""

from __future__ import annotations

from pathlib import Path

import pyotp

from severally.adapters.clock import SystemClock
from severally.adapters.sessions import SessionFile
from severally.app.wiring import Wiring
from tests.workshop import Ran, Workshop

CODE_S = 60.0
"""So much later is a code surely another one."""

LIVE = """
[sentinels.first]
address = "first@watch.example"
locale = "en"
maildir = "watch/first"

[sentinels.second]
address = "second@watch.example"
locale = "en"
maildir = "watch/second"
"""


class Ahead(SystemClock):
    """The system's clock, some seconds ahead; or behind, where mailboxes have to be read that go
    by the time of day."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def wall(self) -> float:
        return super().wall() + self.seconds


class Staff:
    """The operators of one workspace. `run` is a verb by whoever is signed in."""

    def __init__(self, shop: Workshop, sessions: Path, ahead: float = 0.0) -> None:
        self.shop = shop
        self.clock = Ahead(ahead)
        self.secrets: dict[str, str] = {}
        self.wiring = Wiring(clock=self.clock, sessions=lambda workspace: _file(sessions))

    def run(self, *arguments: str | Path) -> Ran:
        return self.shop.run(*arguments, wiring=self.wiring)

    def said(self, *arguments: str | Path) -> Ran:
        """A verb that must go well, as JSON."""
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, ran.everything
        return ran

    def add(self, name: str, *roles: str, by: str = "") -> None:
        password = self.password(name, f"{name} has a long password")
        options = [word for role in roles for word in ("--role", role)]
        if by:
            options += ["--code", self.code(by)]
        ran = self.said("operator", "add", name, *options, "--password-file", password)
        self.secrets[name] = ran.said["secret"]

    def password(self, name: str, text: str) -> Path:
        file = self.shop.root / f"{name}.password"
        file.write_text(text + "\n", "utf-8")
        file.chmod(0o600)
        return file

    def code(self, name: str) -> str:
        """A code of theirs that was not used yet: time goes on for it."""
        self.clock.seconds += CODE_S
        return pyotp.TOTP(self.secrets[name]).at(int(self.clock.wall()))

    def sign_in(self, name: str) -> None:
        password = self.shop.root / f"{name}.password"
        self.said("sign-in", name, "--password-file", password, "--code", self.code(name))

    def hire(self) -> None:
        """alice approves, bob proposes and sends, carol does all of it."""
        self.add("alice", "approver")
        self.sign_in("alice")
        self.add("bob", "author", "operator", by="alice")
        self.add("carol", "author", "approver", "operator", "auditor", by="alice")

    def propose(self, audience: Path, *more: str) -> str:
        """By bob; the mailing's id."""
        self.sign_in("bob")
        ran = self.said("propose", "index-change", "--audience", audience, *more)
        mailing: str = ran.said["mailing"]
        return mailing

    def approve(self, name: str, mailing: str, count: int, *more: str) -> Ran:
        self.sign_in(name)
        given = ("--count", str(count), "--code", self.code(name))
        return self.run("approve", mailing, *given, *more)

    def state(self, mailing: str) -> str:
        state: str = self.said("status", mailing).said["mailings"][0]["state"]
        return state

    def story(self) -> list[str]:
        """Every act as `who what: detail`."""
        lines = self.said("audit", "show").said["lines"]
        return [f"{line['who']} {line['what']}: {line['detail']}" for line in lines]


def live(shop: Workshop) -> None:
    """Make it a workspace for customers, with two sentinels that read English."""
    shop.edit("severally.toml", 'purpose = "trial"', 'purpose = "live"')
    with (shop.root / "severally.toml").open("a", encoding="utf-8") as file:
        file.write(LIVE)


def english(rows: list[list[str]]) -> list[list[str]]:
    """The same customers, all reading English."""
    return [[*row[:2], "en", *row[3:]] for row in rows]


def _file(folder: Path) -> SessionFile:
    session = SessionFile(folder)
    session.path = folder / "session"
    return session
