"""The proof of speed holds where every figure does, and fails where one does not."""

from __future__ import annotations

import pytest
from proofs.main import fast_enough, small_enough

FAST = {"unsigned": 4.0, "signed": 7.0, "signatures": 1.6}
SMALL = {"recipients": 1_000_000, "accepted": 1_000_000, "peak_mb": 400.0}


@pytest.mark.parametrize(
    ("worse", "fast"),
    [
        ({}, True),
        ({"unsigned": 3.9}, False),
        ({"signed": 6.9}, False),
        ({"signatures": 1.7}, False),
    ],
)
def test_every_rate_counts(worse: dict[str, float], fast: bool) -> None:
    assert fast_enough(FAST | worse) is fast


@pytest.mark.parametrize(
    ("worse", "small"),
    [({}, True), ({"accepted": 16_034}, False), ({"peak_mb": 401.0}, False)],
)
def test_a_million_must_have_been_sent(worse: dict[str, float], small: bool) -> None:
    assert small_enough(SMALL | worse) is small
