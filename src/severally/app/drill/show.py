"""The drill's course: the scene, somebody who acts, and the time each step took.

Responsible for the order of things. Who acts is a person in other terminals, or, where no folder
was named, `player`, with the very commands a person would type.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from severally.app.cli.session import Session
from severally.app.config import load
from severally.app.drill import course, paint
from severally.app.drill.course import DrillResult, StepTime
from severally.app.drill.player import Player
from severally.app.drill.scene import NOTICE, Scene
from severally.app.office import Office, open_office
from severally.model.mailing import SENTINELS, Mailing

_POLL_S = 0.25


def run(session: Session, folder: Path | None, customers: int) -> int:
    """The exit code: 0 where the canary was reached in time."""
    with _place(folder) as root, Scene(root, customers, session.wiring) as scene:
        by_hand = folder is not None
        paint.opening(session, scene, by_hand)
        watcher = Watcher(session, scene.root, by_hand)
        if by_hand:
            with contextlib.suppress(KeyboardInterrupt):
                while not watcher.look().ended:
                    scene.show_codes()
                    time.sleep(_POLL_S)
        else:
            Player(scene, watcher, session.say).play()
        result = watcher.look().result
    session.show(result, paint.closing)
    return result.exit_code


class Watcher:
    """Reads how far it has come, and says each step once."""

    def __init__(self, session: Session, root: Path, by_hand: bool) -> None:
        self._session = session
        self._root = root
        self._by_hand = by_hand
        self._began = session.wiring.clock.wall()
        self._said: set[str] = set()
        self.result = DrillResult("", by_hand, (), 0.0)

    @property
    def ended(self) -> bool:
        """Whether the last step was reached."""
        return course.NAMES[-1] in self._said

    @property
    def mailing(self) -> str:
        """The mailing's id; empty before there is one."""
        return self.result.mailing

    def reached(self, name: str) -> bool:
        """Whether this step was reached when it was last looked."""
        return name in self._said

    def look(self) -> Watcher:
        """Look once more."""
        with open_office(load(self._root), self._session.wiring, as_it_is=True) as office:
            mailing = _newest(office)
            acts = office.ledger.acts(mailing.id) if mailing else ()
        drafted = self._drafted(mailing.notice if mailing else NOTICE)
        steps = course.steps(self._began, drafted, acts)
        self.result = course.result_of(mailing.id if mailing else "", self._by_hand, steps)
        for step in steps:
            self._say(step)
        return self

    def _drafted(self, notice: str) -> float:
        """When the draft was last written; it counts from the moment its source stands there."""
        body = self._root / "notices" / notice / "body.md"
        return body.stat().st_mtime if body.exists() else 0.0

    def _say(self, step: StepTime) -> None:
        if step.step not in self._said:
            self._said.add(step.step)
            self._session.say(paint.line(step))


def _newest(office: Office) -> Mailing | None:
    ours = [each for each in office.ledger.mailings() if not each.id.endswith(SENTINELS)]
    return ours[-1] if ours else None


@contextlib.contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """The folder that was named, or one that goes away."""
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="severally-drill-") as temporary:
        yield Path(temporary) / "drill"
