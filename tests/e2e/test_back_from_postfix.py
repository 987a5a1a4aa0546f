"""What Postfix, Dovecot and Sieve send back ends where it belongs: the proof's item 1, small."""

from __future__ import annotations

from pathlib import Path

import pytest
from proofs.incoming_postfix import item_1


@pytest.mark.server("mailhost")
def test_real_bounces_replies_and_complaints_end_at_their_own_delivery(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item_1(tmp_path, 2)
    assert capsys.readouterr().out.startswith("1. 12 messages to Postfix")
