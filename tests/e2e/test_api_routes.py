"""Mailings through providers' APIs: a command, a stand-in that does what the provider's pages say
and misbehaves, and every message it wrote judged from its bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.smtp_sink import Received
from tests.standins import CUT, WELL, Act, Call, StandIn
from tests.standins.ways import WAYS, Way
from tests.workshop import Workshop, complaints, rows

CUSTOMERS = 60


class Provided(Workshop):
    """A workspace whose only route is a provider's."""

    def __init__(self, root: Path, way: Way, url: str) -> None:
        super().__init__(root)
        self.two_languages()
        self.key = root / "keys" / "provider.key"
        self.key.write_text(f"{way.key}\n")
        text = (root / "severally.toml").read_text("utf-8")
        head, _, tail = text.partition("[routes.main]")
        route = f'{way.table}\nurl = "{url}"\nkey_file = "{self.key}"\nbatch = {way.batch}\n'
        rest = tail[tail.index("[retries]") :]
        (root / "severally.toml").write_text(f"{head}[routes.main]\n{route}\n{rest}", "utf-8")


BATCHED_SINGLE_KEYED = ("sendgrid", "ses", "resend")


@pytest.fixture(params=BATCHED_SINGLE_KEYED)
def way(request: pytest.FixtureRequest) -> Way:
    return WAYS[request.param]


def received(provider: StandIn) -> list[Received]:
    return [Received("", (each.recipient,), each.raw, each.raw) for each in provider.received]


def test_nobody_twice_nobody_lost_whatever_the_provider_does(tmp_path: Path, way: Way) -> None:
    """One storm, one request that was acted upon and got no answer, the rest as it should be."""
    storm = Act(acts=False, status=429, headers={"Retry-After": "1"})
    acts = {1: storm, 3: CUT}

    def conduct(number: int, call: Call) -> Act:
        return acts.get(number, WELL)

    people = rows(CUSTOMERS)
    with StandIn(way.expand, conduct) as provider:
        place = Provided(tmp_path / "place", way, provider.url)
        report = place.send(place.customers(people))
        again = place.run("resume", report.said["mailing"], "--json")
    counts = again.said["counts"]
    assert complaints(received(provider), people) == []
    assert len(provider.received) == CUSTOMERS, again.said
    assert counts["accepted"] + counts["in_doubt"] == CUSTOMERS
    assert (counts["in_doubt"] > 0) != way.again
    assert len(again.said["in_doubt"]) == counts["in_doubt"]
    kept = [file.read_bytes() for file in (place.root / ".severally").rglob("*") if file.is_file()]
    assert not any(way.key.encode() in content for content in kept)
    assert way.key not in report.everything + again.everything
