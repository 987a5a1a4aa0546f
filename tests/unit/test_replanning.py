"""How long it takes still: planned anew from who is left and from what lanes learned."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests import ledger_samples

from severally.app.config import load
from severally.app.lanes import lane_of
from severally.app.office import Office, open_office
from severally.app.operations import capacity, looking
from severally.app.operations.replanning import Replanning
from severally.app.wiring import Wiring
from severally.model.delivery import DeliveryState
from severally.model.entries import Record
from severally.model.learned import Learned
from severally.model.mailing import Mailing, MailingState
from severally.model.schedule import Schedule

CONFIG = """
[workspace]
purpose = "trial"

[senders.notices]
address = "notices@exchange.example"

[routes.main]
type = "discard"

[limits.google]
rate = "60/min"

[limits.gmx]
rate = "600/min"
"""
COUNT = 120


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    (tmp_path / "severally.toml").write_text(CONFIG, "utf-8")
    monkeypatch.setenv("SEVERALLY_DATA_KEY", random.Random(1).randbytes(32).hex())
    monkeypatch.setenv("SEVERALLY_INDEX_KEY", random.Random(2).randbytes(32).hex())
    monkeypatch.setattr(capacity, "per_second", lambda office, frozen: 1_000.0)
    with open_office(load(tmp_path), Wiring(find_camera=lambda: None)) as opened:
        yield opened


def begun(office: Office, times: Schedule | None = None) -> Mailing:
    ledger = office.ledger
    ledger_samples.audience(ledger, COUNT)
    frozen = ledger_samples.FROZEN
    if times is not None:
        frozen = msgspec.structs.replace(frozen, schedule=times)
    lanes = {each: lane_of(office.workspace, "main", each).key for each in ledger.receivers("a-1")}
    made = Mailing("m-1", "n", "a-1", COUNT, "digest", MailingState.SENDING, "main")
    ledger.create_mailing(made, frozen, lanes, 1.0)
    return ledger.mailing("m-1")


def test_it_is_planned_from_who_is_left(office: Office) -> None:
    mailing = begun(office)
    replanning = Replanning(office, mailing)
    whole_s = replanning.left_s()
    assert whole_s == pytest.approx(COUNT / 3 - 1, abs=1.5), "google's forty, one a second"
    epoch = office.ledger.take_over(2.0)
    google = next(c for c in office.ledger.cohorts("m-1") if c.receiver == "google")
    ids = [claim.delivery for claim in office.ledger.claim(google, 20, epoch, 2.0)]
    ledger_samples.attempt(office.ledger, epoch, ids)
    ledger_samples.record(
        office.ledger, epoch, *(Record(each, DeliveryState.ACCEPTED) for each in ids)
    )
    assert replanning.left_s() == pytest.approx(whole_s - 20, abs=0.5)


def test_what_was_learned_and_silences_are_in_it(office: Office) -> None:
    mailing = begun(office)
    lane = office.ledger.lanes("m-1")["google"]
    now = office.wiring.clock.wall()
    memory = office.wiring.lane_memory(office.workspace)
    memory.keep({lane: Learned(0.5, 0.0, now, now + 30)})
    left_s = Replanning(office, mailing).left_s()
    assert left_s == pytest.approx(30 + 2 * (COUNT / 3 - 1), abs=5), "half the rate after silence"
    (line,) = looking.status(office).mailings
    assert line.left_s == pytest.approx(left_s, abs=5)


def test_who_sleeps_is_waited_for(office: Office) -> None:
    now = office.wiring.clock.wall()
    mailing = begun(office, Schedule(start=now + 3_600))
    assert Replanning(office, mailing).left_s() == pytest.approx(3_600 + COUNT / 3, abs=10)
