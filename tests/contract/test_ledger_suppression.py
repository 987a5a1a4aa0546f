"""Who is not to be written to, in every ledger, and who is left out of a mailing for it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.ledger_samples import (
    FROZEN,
    KINDS,
    attempt,
    audience,
    blind,
    event,
    mailing,
    opened,
    record,
    totals,
)

from severally.model.delivery import DeliveryState as D
from severally.model.entries import Record
from severally.model.event import EventKind as E
from severally.model.event import Party
from severally.model.mailing import Mailing, MailingState
from severally.model.notice import Kind
from severally.model.suppression import ALL, DAY_S, SOFT_FOR_S, Suppression, Why
from severally.ports import Ledger

SOMEBODY = Party(b"s" * 16, b"salt", b"box")


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def bar(party: Party = SOMEBODY, scope: str = ALL, at: float = 5.0, until: float = 0.0,
        why: Why = Why.PERSON) -> Suppression:  # fmt: skip
    return Suppression(party, scope, why, "test", at, until)


def kinds_barred(ledger: Ledger, party: Party = SOMEBODY, now: float = 10.0) -> set[Kind]:
    return {kind for kind in Kind if ledger.suppressed(party.blind, kind, now)}


@pytest.mark.parametrize(
    ("kind", "barred"),
    [
        (E.INVALID, {Kind.SERVICE, Kind.SECURITY, Kind.MARKETING}),
        (E.HARD, {Kind.SERVICE, Kind.SECURITY, Kind.MARKETING}),
        (E.COMPLAINT, {Kind.SERVICE, Kind.MARKETING}),
        (E.UNSUBSCRIBE, {Kind.SERVICE}),
        (E.BLOCKED, set()),
        (E.SOFT, set()),
        (E.FULL, set()),
        (E.DELIVERED, set()),
    ],
)
def test_what_one_event_bars(ledger: Ledger, kind: E, barred: set[Kind]) -> None:
    audience(ledger, 1)
    mailing(ledger)
    one = event(1, kind)
    ledger.add_events([one], 6.0)
    assert kinds_barred(ledger, one.party) == barred
    assert kinds_barred(ledger, Party(b"another party   ")) == set()


def test_soft_ones_add_up_and_run_out(ledger: Ledger) -> None:
    audience(ledger, 1)
    for name in ("m-1", "m-2", "m-3", "m-4"):
        mailing(ledger, name=name)
    for number, day in ((1, 0), (2, 30), (3, 95)):
        one = event(number, E.FULL if number == 2 else E.SOFT, at=day * DAY_S, party=SOMEBODY)
        ledger.add_events([one, one], 0.0)
        assert kinds_barred(ledger) == set()
    ledger.add_events([event(4, E.SOFT, at=100 * DAY_S, party=SOMEBODY)], 0.0)
    assert kinds_barred(ledger, now=100 * DAY_S) == {Kind.SERVICE, Kind.MARKETING}
    assert kinds_barred(ledger, now=100 * DAY_S + SOFT_FOR_S) == set()


@pytest.mark.parametrize("kind", KINDS)
def test_soft_ones_add_up_in_any_order(kind: str, tmp_path: Path) -> None:
    seen = set()
    days = (0, 50, 85, 300)
    for number, order in enumerate(list(itertools.permutations(enumerate(days, 1)))[::5]):
        (tmp_path / str(number)).mkdir()
        with opened(kind, tmp_path / str(number)) as ledger:
            audience(ledger, 1)
            for name in range(4):
                mailing(ledger, name=f"m-{name}")
            for delivery, day in order:
                ledger.add_events([event(delivery, E.SOFT, day * DAY_S, party=SOMEBODY)], 0.0)
            seen.add(tuple((s.scope, s.at, s.expires) for s in ledger.suppressions()))
    until = 85 * DAY_S + SOFT_FOR_S
    assert seen == {(("marketing", 85 * DAY_S, until), ("service", 85 * DAY_S, until))}


def test_the_stronger_is_kept(ledger: Ledger) -> None:
    month = bar(scope="marketing", until=40 * DAY_S, why=Why.SOFT)
    assert ledger.suppress([month], 5.0) == 1
    assert ledger.suppress([month], 5.0) == 0
    assert ledger.suppress([bar(Party(SOMEBODY.blind), "marketing")], 5.0) == 1
    assert ledger.suppress([month], 5.0) == 0
    (kept,) = ledger.suppressions()
    assert (kept.why, kept.expires, kept.party) == (Why.PERSON, 0.0, SOMEBODY)


def test_lifted_by_scope_or_whole(ledger: Ledger) -> None:
    ledger.suppress([bar(scope=scope) for scope in ("all", "marketing", "service")], 5.0)
    assert ledger.lift(SOMEBODY.blind, "all") == 1
    assert kinds_barred(ledger) == {Kind.MARKETING, Kind.SERVICE}
    assert ledger.lift(SOMEBODY.blind, "all") == 0
    assert ledger.lift(SOMEBODY.blind, None) == 2
    assert kinds_barred(ledger) == set()


def test_listed_page_by_page(ledger: Ledger) -> None:
    parties = [Party(number.to_bytes(16, "big")) for number in range(2_100)]
    ledger.suppress([bar(party, until=7.0 if party == parties[5] else 0.0) for party in parties], 5)
    assert [s.party for s in ledger.suppressions()] == parties
    assert len(ledger.barred(Kind.SECURITY, 8.0)) == 2_099


@pytest.mark.parametrize("count", [3, 250])
def test_the_suppressed_are_excluded_and_explained(ledger: Ledger, count: int) -> None:
    audience(ledger, 600)
    in_steps(ledger, 600)
    parties = [Party(blind(number)) for number in range(count)]
    ledger.suppress([bar(party, why=Why.HARD) for party in parties], 5.0)
    ledger.suppress([bar(parties[0], "service", why=Why.COMPLAINT)], 5.0)
    ledger.suppress([bar(Party(blind(300)), "marketing")], 5.0)
    ledger.suppress([bar(Party(blind(301)), "service", until=9.0)], 5.0)
    assert ledger.exclude("m-1", Kind.SERVICE, 10.0) == {Why.HARD: count}
    assert ledger.exclude("m-1", Kind.SERVICE, 10.0) == {}
    assert ledger.exclusions("m-1") == {Why.HARD: count}
    assert {name for name, _ in ledger.recipients_in("m-1", D.EXCLUDED)} == {
        f"c{number}" for number in range(count)
    }
    assert totals(ledger) == {D.READY: 600 - count, D.EXCLUDED: count}
    assert ledger.tally("m-1") == ledger.recount("m-1")
    assert ledger.seen("m-1", 9, 20.0) == []


def in_steps(ledger: Ledger, count: int, name: str = "m-1") -> None:
    made = Mailing(name, "index-change", "a-1", count, name, MailingState.SENDING, "main")
    strata = ledger.strata("a-1")
    steps = {each: (10, 25, n - 35) for each, n in strata.items()}
    lanes = {receiver: f"main/{receiver}" for receiver in ledger.receivers("a-1")}
    ledger.create_mailing(made, FROZEN, lanes, 2000.0, steps)


def test_whoever_is_suppressed_meanwhile_is_left_out_too(ledger: Ledger) -> None:
    audience(ledger, 300)
    in_steps(ledger, 300)
    epoch = ledger.take_over(2.0)
    cohort = ledger.cohorts("m-1")[0]
    first, second, third = (c.delivery for c in ledger.claim(cohort, 3, epoch, 2.0))
    assert attempt(ledger, epoch, [first, second])
    record(ledger, epoch, Record(first, D.DEFERRED, 450, "", "later", "busy", 9_000.0))
    assert ledger.exclude("m-1", Kind.SERVICE, 5.0) == {}
    numbers = {name: int(name[1:]) for name in ledger.names([first, second, third]).values()}
    ready = next(n for n in range(300) if f"c{n}" not in numbers)
    gone = [*numbers.values(), ready]
    ledger.suppress([bar(Party(blind(n)), why=Why.UNSUBSCRIBE) for n in gone], 6.0)
    # what is in hand still leaves
    assert ledger.exclusions("m-1") == {Why.UNSUBSCRIBE: 2}
    left = ledger.claim_due(cohort, 9, epoch, 10_000.0)
    assert left == []
    assert totals(ledger)[D.EXCLUDED] == 2
    assert ledger.next_due("m-1") == []
    assert ledger.tally("m-1") == ledger.recount("m-1")


def test_a_bounce_of_one_mailing_bars_the_next(ledger: Ledger) -> None:
    audience(ledger, 30)
    mailing(ledger)
    mailing(ledger, name="m-2")
    ledger.exclude("m-2", Kind.SECURITY, 4.0)
    (name,) = ledger.names([1]).values()
    gone = event(1, E.INVALID, party=Party(blind(int(name[1:]))))
    unsubscribed = event(2, E.UNSUBSCRIBE)
    ledger.add_events([gone, unsubscribed], 5.0)
    assert ledger.exclusions("m-2") == {Why.INVALID: 1}
    assert ledger.exclusions("m-1") == {}
    ledger.set_state("m-2", MailingState.CANCELLED, 6.0, "test")
    ledger.suppress([bar(msgspec.structs.replace(SOMEBODY, blind=blind(7)))], 7.0)
    assert ledger.exclusions("m-2") == {Why.INVALID: 1}
