"""The record's proof, small; and last night's ledger put back, through the commands."""

from __future__ import annotations

from proofs import audit


def test_every_tampering_with_anchored_rows_is_found() -> None:
    assert audit.prove(45) == {}


def test_a_forged_checkpoint_and_a_cut_place_are_named() -> None:
    said = audit.forged()
    assert any("not signed by this workspace's key" in each for each in said)
    assert any("lacks" in each for each in said)
