"""`kill -9` in the midst of sending, small; `proofs/crash.py` is the whole."""

from __future__ import annotations

from proofs.crash import prove


def test_after_a_kill_nobody_is_told_twice_and_everybody_is_accounted_for() -> None:
    found = prove(customers=400, kills=5, between=2)
    assert found.wrong == []
    assert (found.kills, found.accepted + found.in_doubt) == (5, 400)
    assert found.between >= 2
    assert found.in_doubt >= 2
