"""The record's proof, small; and last night's ledger put back, through the commands."""

from __future__ import annotations

import shutil
from pathlib import Path

from proofs import audit
from tests.smtp_sink import Sink
from tests.workshop import Workshop, complaints, rows


def test_every_tampering_with_anchored_rows_is_found() -> None:
    assert audit.prove(45) == {}


def test_a_forged_checkpoint_and_a_cut_place_are_named() -> None:
    said = audit.forged()
    assert any("not signed by this workspace's key" in each for each in said)
    assert any("lacks" in each for each in said)


def test_last_nights_ledger_put_back_in_mid_mailing_mails_nobody_twice(tmp_path: Path) -> None:
    """Proposed and approved yesterday, a third sent, then yesterday's file comes back."""
    people = rows(60)
    with Sink() as sink:
        shop = Workshop(tmp_path / "newsroom", sink.port)
        shop.edit("severally.toml", "connections = 4", 'connections = 1\nrate = "2/s"')
        file = shop.customers(people)
        arguments = ("propose", "index-change", "--audience", file, "--json")
        mailing = shop.run(*arguments).said["mailing"]
        assert shop.run("approve", mailing, "--count", "60").code == 0
        ledger = shop.root / ".severally" / "ledger.sqlite3"
        backup = shutil.copytree(ledger.parent, tmp_path / "backup")
        assert shop.run("send", mailing, "--until", "+6s", "--json").code == 5
        if not sink.received:  # a busy machine takes longer to begin
            assert shop.run("resume", mailing, "--until", "+15s", "--json").code == 5
        begun = len(sink.received)
        assert begun
        for path in ledger.parent.glob("ledger.sqlite3*"):
            path.unlink()
        for path in backup.glob("ledger.sqlite3*"):
            shutil.copy(path, ledger.parent)
        story = shop.run("audit", "show", "--json").said["lines"]
        assert shop.run("audit", "verify").code == 3, "what was lost is named"
        report = shop.run("report", mailing, "--json").said
        assert report["counts"]["in_doubt"] >= begun
        assert shop.run("status").code == 0
        shop.run("send", mailing, "--json")
        assert complaints(sink.received, people) == []
        assert story[-1]["what"] != "restored", "looking at the record changes nothing"
        assert "restored" in [
            line["what"] for line in shop.run("audit", "show", "--json").said["lines"]
        ]


def test_a_mailing_that_the_backup_forgot_is_not_begun_again(tmp_path: Path) -> None:
    people = rows(10)
    with Sink() as sink:
        shop = Workshop(tmp_path / "newsroom", sink.port)
        file = shop.customers(people)
        assert shop.run("status").code == 0
        ledger = shop.root / ".severally" / "ledger.sqlite3"
        backup = tmp_path / "backup.sqlite3"
        shutil.copy(ledger, backup)
        assert shop.send(file).code == 0
        for path in ledger.parent.glob("ledger.sqlite3*"):
            path.unlink()
        shutil.copy(backup, ledger)
        for arguments in (("send",), ("propose",)):
            ran = shop.run(*arguments, "index-change", "--audience", file)
            assert ran.code == 3
            assert "put back from a backup" in ran.err
        assert complaints(sink.received, people) == []
        assert len(sink.received) == 10
