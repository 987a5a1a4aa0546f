"""Two lanes over real sockets, one limited to 5/s and one free: the world's counts judge.

`two_lanes(folder)` is item 5 of the main job's proof. Run alone: `make prove P=lanes`.
"""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import msgspec

from proofs import workspace
from severally.model.lane import Limits, Rate
from severally.sim.process import WorldProcess
from severally.sim.providers import shipped_providers
from severally.sim.record import ProviderRecord, Record
from severally.sim.world import Setting

RATE = Rate(5, 1)
CONNECTIONS = 2
FREE, SLOW = "gmail.example", "yahoo.example"
_AT_LEAST_S = 2.0
"""Two real runs of one send differ by this much on a busy machine."""


class TwoLanes(msgspec.Struct, frozen=True):
    """Seconds from the first message of a run to the last of a lane. `window` is the most
    attempts the limited receiver counted in any second, `connections` at once."""

    free_alone_s: float
    free_beside_s: float
    slow_s: float
    window: int
    connections: int
    exceeded: tuple[str, ...]
    accepted: int

    @property
    def holds(self) -> bool:
        """Whether the promise was kept."""
        spare = max(_AT_LEAST_S, 0.25 * self.free_alone_s)
        return (
            self.free_beside_s <= self.free_alone_s + spare
            and self.window <= RATE.count + 1
            and self.connections <= CONNECTIONS
            and not self.exceeded
        )


def two_lanes(folder: Path, free: int = 2_000, slow: int = 100) -> TwoLanes:
    """Send the free lane's mail alone, then with the limited lane beside it. Makes
    workspaces in `folder`. 100 messages at 5/s take 20 seconds."""
    alone = _send(folder / "alone", free, 0)
    both = _send(folder / "both", free, slow)
    limited = both["yahoo"]
    first = min(arrival.at for arrival in both.arrivals())
    return TwoLanes(
        _span(alone["google"], min(arrival.at for arrival in alone.arrivals())),
        _span(both["google"], first),
        _span(limited, first),
        limited.most_in_window,
        limited.most_connections,
        limited.exceeded,
        alone.messages + both.messages,
    )


def _span(record: ProviderRecord, first: float) -> float:
    return max(arrival.at for arrival in record.arrivals) - first


def _send(folder: Path, free: int, slow: int) -> Record:
    google, yahoo = (
        next(each for each in shipped_providers() if each.id == name)
        for name in ("google", "yahoo")
    )
    setting = Setting((google.having(Limits()), yahoo.having(Limits(RATE, CONNECTIONS))), seed=5)
    with WorldProcess(setting) as world:
        route = f'type = "mx"\nresolver = "{world.resolver}"\nport = {world.port}'
        limits = (
            '[limits.google]\nrate = "0"\nconnections = 20\nmessages_per_connection = 0\n'
            f'[limits.yahoo]\nrate = "{RATE}"\n'
            f"connections = {CONNECTIONS}\n[receivers]\n"
            f'google = ["{FREE}"]\nyahoo = ["{SLOW}"]'
        )
        place = workspace.make(folder, 1, route, limits)
        _customers(place / "customers.csv", free, slow)
        done = workspace.severally(
            place, "send", "index-change", "--audience", "customers.csv", "--json"
        )
        assert json.loads(done.stdout)["counts"]["accepted"] == free + slow
        return world.record()


def _customers(file: Path, free: int, slow: int) -> None:
    """The sample's customers again, each at one of the two providers."""
    rows = list(workspace.customers(free + slow))
    email = workspace.COLUMNS.index("email")
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(workspace.COLUMNS)
        for number, row in enumerate(rows):
            local = row[email].partition("@")[0]
            domain = FREE if number < free else SLOW
            writer.writerow((*row[:email], f"{local}@{domain}", *row[email + 1 :]))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        found = two_lanes(Path(name))
    print(
        f"5. two lanes: the free one alone {found.free_alone_s:.1f} s, beside one limited to "
        f"{RATE} {found.free_beside_s:.1f} s ({found.slow_s:.1f} s); at most {found.window} in "
        f"a second and {found.connections} connections counted; "
        + ("holds" if found.holds else f"DOES NOT HOLD {found.exceeded}")
    )
    raise SystemExit(0 if found.holds else 1)


if __name__ == "__main__":
    main()
