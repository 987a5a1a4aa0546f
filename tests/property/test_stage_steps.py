"""Ramp and allotment: the counts add up, nobody is in two steps, and steps are proportional."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from severally.stage.steps import allot, ramp

strata = st.dictionaries(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["en", "de", "ja", "ar"])),
    st.integers(1, 5_000),
    min_size=1,
)


@given(st.integers(1, 2_000_000), st.integers(1, 3_000), st.integers(1, 500))
def test_the_steps_add_up_and_only_shares_have_gates(total: int, canary: int, chunk: int) -> None:
    steps = ramp(total, canary, chunk)
    assert sum(step.count for step in steps) == total
    assert all(step.count > 0 for step in steps)
    assert all(step.count <= chunk for step in steps if not step.gate)
    assert sum(step.count for step in steps if step.name == "canary") == min(canary, total)


def test_the_default_ramp_of_a_million() -> None:
    steps = ramp(1_000_000)
    assert [(s.name, s.count) for s in steps if s.gate] == [
        ("5%", 47_800),
        ("25%", 200_000),
        ("rest", 750_000),
    ]
    assert [s.count for s in steps if s.name == "canary"] == [100] * 12


@given(strata, st.lists(st.integers(0, 400), max_size=12))
def test_each_stratum_is_told_once_and_in_proportion(
    people: dict[tuple[str, str], int], cuts: list[int]
) -> None:
    total = sum(people.values())
    sizes: list[int] = []
    for cut in cuts:
        sizes.append(min(cut, total - sum(sizes)))
    sizes.append(total - sum(sizes))
    parts = allot(people, sizes)
    assert parts.keys() == people.keys()
    for step, size in enumerate(sizes):
        assert sum(counts[step] for counts in parts.values()) == size
    told = 0
    for step, size in enumerate(sizes):
        told += size
        for name, counts in parts.items():
            assert counts[step] >= 0
            assert abs(sum(counts[: step + 1]) - people[name] * told / total) < 2
    for name, counts in parts.items():
        assert sum(counts) == people[name]
