"""The chain of acts: every tampering with anchored rows is found, and nothing else is."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from severally.model.audit import ChainRow, Checkpoint, chain, flaws
from severally.model.entries import Act

acts = st.lists(
    st.builds(
        Act,
        at=st.floats(0, 2e9, allow_nan=False),
        mailing=st.sampled_from(["", "m-1", "m-2"]),
        what=st.text(max_size=10),
        detail=st.text(max_size=20),
        who=st.sampled_from(["", "ada", "bob"]),
    ),
    min_size=1,
    max_size=30,
)


def anchored(rows: list[ChainRow]) -> list[Checkpoint]:
    return [Checkpoint(1.0, rows[-1].seq, rows[-1].hash.hex())]


def rewritten(rows: list[ChainRow], first: int) -> list[ChainRow]:
    """Someone who knows the rule makes the chain anew from a row on."""
    before = rows[first - 1] if first else ChainRow(0, rows[0].act, bytes(32))
    return [*rows[:first], *chain((row.act for row in rows[first:]), before.seq, before.hash)]


@given(acts)
def test_what_was_written_has_no_flaw(written: list[Act]) -> None:
    rows = list(chain(written))
    assert list(flaws(rows, anchored(rows))) == []


@given(acts, st.data())
def test_every_tampering_is_found(written: list[Act], data: st.DataObject) -> None:
    rows = list(chain(written))
    points = anchored(rows)
    at = data.draw(st.integers(0, len(rows) - 1))
    how = data.draw(st.sampled_from(["edit", "delete", "reorder", "truncate", "rewrite", "add"]))
    changed = Act(rows[at].act.at + 1, "m-9", "changed")
    match how:
        case "edit":
            rows[at] = ChainRow(rows[at].seq, changed, rows[at].hash)
        case "delete":
            del rows[at]
        case "reorder":
            other = data.draw(st.integers(0, len(rows) - 1))
            assume(other != at and rows[at].act != rows[other].act)
            first, second = rows[at], rows[other]
            rows[at] = ChainRow(first.seq, second.act, second.hash)
            rows[other] = ChainRow(second.seq, first.act, first.hash)
        case "truncate":
            del rows[at:]
        case "rewrite":
            rows[at] = ChainRow(rows[at].seq, changed, rows[at].hash)
            rows = rewritten(rows, at)
        case "add":
            rows.insert(at, ChainRow(rows[at].seq, changed, rows[at].hash))
    assert list(flaws(rows, points)) != []


@given(acts, acts)
def test_what_came_after_the_checkpoint_is_only_chained(old: list[Act], new: list[Act]) -> None:
    rows = list(chain(old))
    points = anchored(rows)
    rows += chain(new, rows[-1].seq, rows[-1].hash)
    assert list(flaws(rows, points)) == []
    assert list(flaws(rewritten(rows, len(old)), points)) == []
