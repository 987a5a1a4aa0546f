"""The direct route to servers that nobody here wrote: the proof's item 7, small."""

from __future__ import annotations

from pathlib import Path

import pytest
from proofs.mx import item_7


@pytest.mark.server("postfix")
@pytest.mark.server("maildev")
def test_one_mailing_over_dns_to_postfix_maildev_and_hosts_that_must_prove_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    item_7(tmp_path, 60, patient=False)
    assert capsys.readouterr().out.startswith("item 7: 60 recipients at 10 domains")
