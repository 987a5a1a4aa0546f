"""What became of a mailing, by lane and locale and over time, beside earlier ones of its notice."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from severally.app.office import Office
from severally.app.operations.charts import Line, Panel
from severally.app.operations.figure_results import Curve, Earlier, Figures, Group
from severally.app.operations.listing import plain, utc
from severally.model.delivery import DeliveryState
from severally.model.errors import UsageError
from severally.model.event import BOUNCES, EventKind
from severally.model.mailing import Mailing
from severally.model.observed import Figure

_SLOTS = 240
_EARLIER = 5
_S = DeliveryState
_TAKEN = tuple(s.word for s in (_S.ACCEPTED, _S.DELIVERED, _S.BOUNCED, _S.COMPLAINED))
"""States of what a receiver took, whatever came back later."""
_BOUNCES = tuple(kind.value for kind in BOUNCES)
_CURVES = {
    "bounced": _BOUNCES,
    "complaints": (EventKind.COMPLAINT.value,),
    "unsubscribes": (EventKind.UNSUBSCRIBE.value,),
}
HEADING = (
    *("mailing", "started", "lane", "locale", "recipients", "accepted", "delivered", "deferred"),
    *("refused", *(f"bounced_{kind}" for kind in _BOUNCES), "complaints", "unsubscribes"),
    *("excluded", "half_s", "most_s"),
)


def figures(office: Office, mailing: Mailing) -> Figures:
    """Reads every delivery of the mailing once."""
    ledger = office.ledger
    since = mailing.started_at or mailing.created_at
    lasted = max(1.0, (mailing.ended_at or office.wiring.clock.wall()) - since)
    width_s = max(1.0, lasted / _SLOTS)
    lanes = ledger.lanes(mailing.id)
    states = ledger.states_over_time(mailing.id, since, width_s)
    events = ledger.events_over_time(mailing.id, since, width_s)
    return Figures(
        _groups(states, events, lanes, width_s),
        (
            _curve("accepted", [s for s in states if s.what in _TAKEN], width_s),
            *(_curve(name, _those(events, kinds), width_s) for name, kinds in _CURVES.items()),
        ),
        tuple(_earlier(office, each) for each in _before(office, mailing)),
    )


def _those(found: Iterable[Figure], kinds: Sequence[str]) -> list[Figure]:
    return [each for each in found if each.what in kinds]


def _groups(
    states: Sequence[Figure], events: Sequence[Figure], lanes: Mapping[str, str], width_s: float
) -> tuple[Group, ...]:
    by: dict[tuple[str, str], tuple[list[Figure], list[Figure]]] = {}
    for place, found in enumerate((states, events)):
        for each in found:
            key = (lanes[each.receiver], each.locale)
            by.setdefault(key, ([], []))[place].append(each)
    return tuple(_group(*key, *parts, width_s) for key, parts in sorted(by.items()))


def _group(
    lane: str, locale: str, states: Sequence[Figure], events: Sequence[Figure], width_s: float
) -> Group:
    counts, heard = _sums(states), _sums(events)
    taken = [each for each in states if each.what in _TAKEN]
    return Group(
        lane,
        locale,
        counts.total(),
        sum(each.count for each in taken),
        counts[_S.DELIVERED.word],
        counts[_S.DEFERRED.word],
        counts[_S.REFUSED.word],
        {kind: heard[kind] for kind in _BOUNCES if heard[kind]},
        heard[EventKind.COMPLAINT.value],
        heard[EventKind.UNSUBSCRIBE.value],
        counts[_S.EXCLUDED.word],
        _share(taken, 0.5, width_s),
        _share(taken, 0.95, width_s),
    )


def _sums(found: Iterable[Figure]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for each in found:
        sums[each.what] += each.count
    return sums


def _by_slot(found: Iterable[Figure]) -> list[tuple[int, int]]:
    slots: Counter[int] = Counter()
    for each in found:
        slots[each.slot] += each.count
    return sorted(slots.items())


def _share(found: Sequence[Figure], share: float, width_s: float) -> float:
    """Seconds until this share of them had happened, to the end of its slot; 0.0 for none."""
    left = share * sum(each.count for each in found)
    for slot, count in _by_slot(found):
        left -= count
        if left <= 0:
            return round((slot + 1) * width_s, 3)
    return 0.0


def _curve(what: str, found: Iterable[Figure], width_s: float) -> Curve:
    points: list[tuple[float, int]] = []
    total = 0
    for slot, count in _by_slot(found):
        before = round(slot * width_s, 3)
        if before and (not points or points[-1][0] < before):
            points.append((before, total))  # nothing happened until then
        total += count
        points.append((round((slot + 1) * width_s, 3), total))
    return Curve(what, tuple(points))


def _before(office: Office, mailing: Mailing) -> list[Mailing]:
    """The latest earlier ones of the same notice that began, the newest first."""
    same = [
        each
        for each in office.ledger.mailings()
        if each.notice == mailing.notice
        and each.started_at
        and (each.created_at, each.id) < (mailing.created_at, mailing.id)
    ]
    return same[::-1][:_EARLIER]


def _earlier(office: Office, mailing: Mailing) -> Earlier:
    tally = office.ledger.tally(mailing.id)
    counts: Counter[DeliveryState] = Counter()
    for states in tally.values():
        counts.update(states)
    heard = _sums(office.ledger.events_over_time(mailing.id, 0.0, math.inf))
    words = {state.word: count for state, count in counts.items()}
    return Earlier(
        mailing.id,
        mailing.started_at,
        mailing.count,
        sum(words.get(word, 0) for word in _TAKEN),
        sum(heard[kind] for kind in _BOUNCES),
        heard[EventKind.COMPLAINT.value],
        heard[EventKind.UNSUBSCRIBE.value],
        round(max(0.0, mailing.ended_at - mailing.started_at), 3),
    )


def write_csv(file: Path, mailing: Mailing, found: Figures) -> None:
    """One line for each lane and locale. Raises UsageError where it cannot be written."""
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(HEADING)
            started = utc(mailing.started_at) if mailing.started_at else ""
            for each in found.groups:
                row = (
                    *(mailing.id, started, each.lane, each.locale, each.recipients, each.accepted),
                    *(each.delivered, each.deferred, each.refused),
                    *(each.bounced.get(kind, 0) for kind in _BOUNCES),
                    *(each.complaints, each.unsubscribes, each.excluded, each.half_s, each.most_s),
                )
                writer.writerow([plain(str(cell)) for cell in row])
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from None


def panels(mailing: Mailing, found: Figures) -> list[Panel]:
    """For `charts.write`: what was taken, and below it what came back, each on its own scale."""
    accepted, *back = found.curves
    title = f"{mailing.notice}, {mailing.id}"
    return [
        Panel(f"{title}: taken by receivers", [Line("", accepted.points)]),
        Panel("what came back", [Line(each.what, each.points) for each in back]),
    ]
