"""The steps of a ramp: who is in which, and how far a mailing may go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.ledger_samples import (
    FROZEN,
    KINDS,
    attempt,
    audience,
    mailing,
    opened,
    record,
    row,
    totals,
)

from severally.model.delivery import DeliveryState as D
from severally.model.entries import Record
from severally.model.errors import LedgerError, Refused
from severally.model.mailing import Mailing, MailingState
from severally.ports import Ledger
from severally.stage.steps import allot

COUNT = 57


@pytest.fixture(params=KINDS)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with opened(request.param, tmp_path) as made:
        yield made


def stepped(ledger: Ledger, sizes: list[int], name: str = "m-2") -> list[tuple[str, int, int]]:
    """A mailing in steps; its cohorts as (receiver, step, count)."""
    mailing(ledger)
    made = msgspec.structs.replace(ledger.mailing("m-1"), id=name, step=-1)
    steps = allot(ledger.strata("a-1"), sizes)
    cohorts = ledger.create_mailing(made, FROZEN, ledger.lanes("m-1"), 1.0, steps)
    assert [cohort.count for cohort in ledger.cohorts(name)] == [c.count for c in cohorts]
    return [(cohort.receiver, cohort.step, cohort.count) for cohort in cohorts]


def claimed(ledger: Ledger, name: str) -> list[tuple[int, list[int]]]:
    """(step, sequence numbers of its recipients) of every cohort."""
    epoch = ledger.take_over(2.0)
    return [
        (cohort.step, [claim.seq for claim in ledger.claim(cohort, COUNT, epoch, 2.0)])
        for cohort in ledger.cohorts(name)
    ]


def test_strata_count_everybody_once(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    strata = ledger.strata("a-1")
    assert sum(strata.values()) == COUNT
    sums: Counter[str] = Counter()
    for (receiver, _, _), count in strata.items():
        sums[receiver] += count
    assert dict(sums) == dict(ledger.receivers("a-1"))


def test_each_recipient_is_in_one_step_and_steps_have_their_sizes(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    parts = stepped(ledger, [5, 12, 40])
    sizes: Counter[int] = Counter()
    for _, step, count in parts:
        sizes[step] += count
    assert sizes == {0: 5, 1: 12, 2: 40}
    people = [seq for _, seqs in claimed(ledger, "m-2") for seq in seqs]
    assert sorted(people) == list(range(COUNT))
    assert totals(ledger, "m-2") == {D.CLAIMED: COUNT}


def test_the_same_steps_take_the_same_people(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    stepped(ledger, [5, 12, 40])
    again = msgspec.structs.replace(ledger.mailing("m-2"), id="m-3")
    steps = allot(ledger.strata("a-1"), [5, 12, 40])
    ledger.create_mailing(again, FROZEN, ledger.lanes("m-1"), 1.0, steps)
    assert claimed(ledger, "m-2") == claimed(ledger, "m-3")


def test_steps_that_do_not_fit_are_refused_whole(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    mailing(ledger)
    made = msgspec.structs.replace(ledger.mailing("m-1"), id="m-2")
    fitting = allot(ledger.strata("a-1"), [5, 52])
    (stratum, counts), *_ = fitting.items()
    for wrong in (
        {**fitting, stratum: (counts[0] + 1, counts[1])},
        {**fitting, stratum: (counts[0], counts[1] - 1)},
        {**fitting, ("nowhere", "en", ""): (1, 0)},
        {
            (stratum[0], "xx", "") if name == stratum else name: each
            for name, each in fitting.items()
        },
    ):
        with pytest.raises(LedgerError, match="steps of m-2"):
            ledger.create_mailing(made, FROZEN, ledger.lanes("m-1"), 1.0, wrong)
    assert [m.id for m in ledger.mailings()] == ["m-1"]
    assert sorted(ledger.orders()) == ["m-1"]


def test_a_step_is_opened_and_never_closed_again(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    stepped(ledger, [5, 52])
    assert ledger.orders()["m-2"].step == -1
    assert ledger.open_step("m-2", 1, 5.0, "the gate passed").step == 1
    assert ledger.mailing("m-2").step == ledger.orders()["m-2"].step == 1
    with pytest.raises(Refused, match="step 0 of m-2"):
        ledger.open_step("m-2", 0, 6.0, "")
    last = ledger.acts("m-2")[-1]
    assert (last.what, last.detail) == ("step 1 opened", "the gate passed")


def test_what_was_tried_is_seen_by_step_state_rule_and_age(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    stepped(ledger, [6, 51])
    epoch = ledger.take_over(2.0)
    first = [cohort for cohort in ledger.cohorts("m-2") if cohort.step == 0]
    ids = [c.delivery for cohort in first for c in ledger.claim(cohort, 9, epoch, 2.0)]
    assert attempt(ledger, epoch, ids, name="m-2")
    accepted = [Record(i, D.ACCEPTED, 250, "", "ok", "accepted") for i in ids[:4]]
    record(ledger, epoch, *accepted, now=1_000.0)
    record(ledger, epoch, Record(ids[4], D.REFUSED, 550, "5.1.1", "who?", "unknown"), now=1_100.0)
    seen = ledger.seen("m-2", 0, 1_190.0)
    sums: Counter[tuple[D, str, float]] = Counter()
    for each in seen:
        sums[each.state, each.rule, each.age_s] += each.count
        assert each.step == 0
    tried = {(s, r, a): n for (s, r, a), n in sums.items() if s is not D.ATTEMPTING}
    assert tried == {(D.ACCEPTED, "accepted", 180.0): 4, (D.REFUSED, "unknown", 60.0): 1}
    assert sum(n for (s, _, _), n in sums.items() if s is D.ATTEMPTING) == 1
    assert ledger.seen("m-2", -1, 1_190.0) == []


def test_looking_through_claims_nobody_and_names_are_the_recipients(ledger: Ledger) -> None:
    audience(ledger, COUNT)
    stepped(ledger, [6, 51])
    found: list[int] = []
    for cohort in ledger.cohorts("m-2"):
        after = 0
        while page := ledger.look_through(cohort, after, 4):
            after = page[-1].delivery
            assert cohort.first <= after <= cohort.last
            found += [claim.delivery for claim in page]
    assert found == sorted(set(found))
    assert totals(ledger, "m-2") == {D.READY: COUNT}
    assert sorted(ledger.names(found).values()) == sorted(f"c{i}" for i in range(COUNT))
    told = {
        c.delivery: c.seq for co in ledger.cohorts("m-2") for c in ledger.look_through(co, 0, 99)
    }
    assert ledger.names(found) == {delivery: f"c{seq}" for delivery, seq in told.items()}


def test_a_cohort_has_one_time_zone(ledger: Ledger) -> None:
    staging = ledger.stage("a-1")
    zones = ("Asia/Tokyo", "Europe/Berlin")
    staging.add([row(n, ("gmx", "google")[n % 2], zone=zones[n % 3 == 0]) for n in range(COUNT)])
    by_zone = dict(staging.zones())
    assert sum(by_zone.values()) == COUNT and set(by_zone) == {
        (receiver, zone) for receiver in ("gmx", "google") for zone in zones
    }
    staging.freeze("customers.csv", 1000.0)
    strata = ledger.strata("a-1")
    made = Mailing("m-1", "n", "a-1", COUNT, "digest", MailingState.PROPOSED, "main", step=-1)
    lanes = {"gmx": "main/gmx", "google": "main/google"}
    cohorts = ledger.create_mailing(made, FROZEN, lanes, 1.0, allot(strata, [20, COUNT - 20]))
    assert list(ledger.cohorts("m-1")) == list(cohorts)
    counted = Counter({(c.receiver, c.zone): 0 for c in cohorts})
    for cohort in cohorts:
        counted[cohort.receiver, cohort.zone] += cohort.count
        for claim in ledger.look_through(cohort, 0, COUNT):
            assert zones[claim.seq % 3 == 0] == cohort.zone
            assert ("gmx", "google")[claim.seq % 2] == cohort.receiver
    assert counted == by_zone
    assert {c.step for c in cohorts} == {0, 1}
