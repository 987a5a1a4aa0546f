"""Memory and SQLite do the same, whatever is done; and the tally is always the count."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.ledger_samples import audience, blind, event, mailing

from severally.ledger.memory import MemoryLedger
from severally.ledger.sqlite import SqliteLedger
from severally.model.delivery import Claim, DeliveryState
from severally.model.entries import Attempts, Record, Turn
from severally.model.errors import SeverallyError
from severally.model.event import EventKind, Party
from severally.model.mailing import Cohort, MailingState
from severally.model.notice import Kind
from severally.model.suppression import SCOPES
from severally.ports import Ledger

D = DeliveryState
COUNT = 12
MAILINGS = ("m-1", "m-2")
# mostly what really happens, and now and then anything
OUTCOMES = st.sampled_from(
    [D.ACCEPTED, D.DEFERRED, D.REFUSED, D.IN_DOUBT, D.READY]
) | st.sampled_from(D)
WORDS = st.sampled_from([(0, "", "", ""), (250, "2.0.0", "OK", "accept"), (451, "", "later", "")])
PLACES = st.integers(1, 2 * COUNT + 1)


class Twins(RuleBasedStateMachine):
    """One ledger of each kind, driven alike by a deliverer that crashes now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.memory: Ledger = MemoryLedger()
        self.sqlite = SqliteLedger(self.folder / "ledger.sqlite3")
        self.crashed: list[SqliteLedger] = []
        self.now = 1000.0
        self.epoch = 0

    @initialize()
    def begin(self) -> None:
        for ledger in (self.memory, self.sqlite):
            audience(ledger, COUNT)
            for name in MAILINGS:
                mailing(ledger, name=name)
        self.cohorts: list[Cohort] = [c for name in MAILINGS for c in self.memory.cohorts(name)]

    def both(self, call: Callable[[Ledger], Any]) -> Any:
        """The same call on both: the same answer, or the same error in the same words."""
        answers = [_answer(call, ledger) for ledger in (self.memory, self.sqlite)]
        assert answers[0] == answers[1]
        return answers[0]

    @rule(seconds=st.floats(0.1, 100.0))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take_over(self) -> None:
        self.epoch = self.both(lambda ledger: ledger.take_over(self.now))

    @rule()
    def crash(self) -> None:
        """The file is opened again without having been closed."""
        self.crashed.append(self.sqlite)
        self.sqlite = SqliteLedger(self.folder / "ledger.sqlite3")
        self.take_over()

    @rule(place=st.integers(0, 5), count=st.integers(0, 5), due=st.booleans())
    def claim(self, place: int, count: int, due: bool) -> None:
        cohort = self.cohorts[place]

        def call(ledger: Ledger) -> Sequence[Claim]:
            claim = ledger.claim_due if due else ledger.claim
            return claim(cohort, count, self.epoch, self.now)

        self.both(call)

    @rule(
        records=st.lists(st.tuples(PLACES, OUTCOMES, WORDS, st.integers(0, 99)), max_size=4),
        attempts=st.lists(PLACES, max_size=4),
        stale=st.sampled_from([0, 0, 0, 1]),
    )
    def turn_anyhow(self, records: Any, attempts: list[int], stale: int) -> None:
        """Mostly illegal: nothing may change then."""
        self._turn(attempts, [_record(*r, self.now) for r in records], stale)

    @rule(outcome=OUTCOMES, words=WORDS, wait=st.integers(0, 99), most=st.integers(1, 3))
    def answer(self, outcome: DeliveryState, words: Any, wait: int, most: int) -> None:
        """What is attempting is answered, and what is claimed is attempted."""
        attempting = [d for name in MAILINGS for d in self._in_state(name, D.ATTEMPTING)[:most]]
        claimed = [d for name in MAILINGS for d in self._in_state(name, D.CLAIMED)]
        self._turn(claimed, [_record(d, outcome, words, wait, self.now) for d in attempting], 0)

    def _turn(self, attempts: list[int], records: list[Record], stale: int) -> None:
        orders, of = self.memory.orders(), self._of
        wanted = [
            Attempts(name, orders[name].halt_epoch - stale, [d for d in attempts if of(d) == name])
            for name in MAILINGS
            if name in orders
        ]
        turn = Turn(self.epoch, self.now, [each for each in wanted if each.deliveries], records)
        self.both(lambda ledger: ledger.turn(turn))

    def _of(self, delivery: int) -> str:
        return MAILINGS[delivery > COUNT]

    def _in_state(self, name: str, state: DeliveryState) -> list[int]:
        return [record.delivery for _, record in self.memory.recipients_in(name, state)]

    @rule(name=st.sampled_from(MAILINGS), state=st.sampled_from(["halted", "sending", "done"]))
    def set_state(self, name: str, state: str) -> None:
        self.both(lambda ledger: ledger.set_state(name, MailingState(state), self.now, "test"))

    @rule(
        heard=st.lists(st.tuples(PLACES, st.sampled_from(EventKind), st.integers(0, 3)), max_size=3)
    )
    def hear(self, heard: Any) -> None:
        """What comes back, now and then about a delivery that is not there."""
        events = [event(d, kind, self.now - at, Party(blind(d % COUNT))) for d, kind, at in heard]
        self.both(lambda ledger: ledger.add_events(events, self.now))

    @rule(name=st.sampled_from(MAILINGS), kind=st.sampled_from(Kind))
    def exclude(self, name: str, kind: Kind) -> None:
        self.both(lambda ledger: ledger.exclude(name, kind, self.now))

    @rule(number=st.integers(0, COUNT - 1), scope=st.sampled_from([None, *SCOPES]))
    def lift(self, number: int, scope: str | None) -> None:
        self.both(lambda ledger: ledger.lift(blind(number), scope))

    @invariant()
    def nobody_is_lost_and_the_tally_is_the_count(self) -> None:
        for name in MAILINGS:
            tally = self.both(lambda ledger, name=name: ledger.tally(name))
            assert tally == self.both(lambda ledger, name=name: ledger.recount(name))
            assert sum(sum(counts.values()) for counts in tally.values()) == COUNT

    @invariant()
    def all_that_can_be_seen_is_the_same(self) -> None:
        self.both(lambda ledger: ledger.orders())
        self.both(lambda ledger: ledger.mailings())
        self.both(lambda ledger: list(ledger.suppressions()))
        for name in MAILINGS:
            self.both(lambda ledger, name=name: ledger.next_due(name))
            self.both(lambda ledger, name=name: ledger.acts(name))
            self.both(lambda ledger, name=name: ledger.exclusions(name))
            self.both(lambda ledger, name=name: [ledger.recipients_in(name, state) for state in D])

    def teardown(self) -> None:
        for ledger in (*self.crashed, self.sqlite):
            ledger.close()
        shutil.rmtree(self.folder)


def _answer(call: Callable[[Ledger], Any], ledger: Ledger) -> Any:
    try:
        return call(ledger)
    except SeverallyError as error:
        return type(error), str(error)


def _record(delivery: int, state: DeliveryState, words: Any, wait: int, now: float) -> Record:
    due = now + wait if state is D.DEFERRED else 0.0
    return Record(delivery, state, *words, due)


Twins.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestTwins = Twins.TestCase
