"""Suppression as a person uses it: listed, imported, exported, and left out of a mailing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from tests.smtp_sink import Conduct, Sink
from tests.workshop import Workshop, rows

from severally.app.cli.main import main

CUSTOMERS = ("ann@one.example", "ben@two.example", "cas@three.example", "dee@four.example")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "w"
    assert main(["init", str(folder)]) == 0
    monkeypatch.chdir(folder)
    lines = (folder / "customers.csv").read_text("utf-8").splitlines()
    heading, first = lines[0], next(csv.DictReader(lines))
    with (folder / "few.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, heading.split(","))
        writer.writeheader()
        for number, address in enumerate(CUSTOMERS):
            writer.writerow(first | {"id": f"k{number}", "email": address})
    return folder


def ran(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == code
    out = capsys.readouterr().out
    assert not any(address in out for address in CUSTOMERS)
    found: dict[str, object] = json.loads(out)
    return found


def test_suppressed_recipients_are_counted_explained_and_left_out(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "gone.txt").write_text("Ann@one.example\n")
    (workspace / "list.csv").write_text(
        "email,scope\nben@two.example,marketing\ncas@three.example,\n"
    )
    ran(capsys, "suppression", "add", "--address-file", "gone.txt", "--reason", "by telephone")
    taken = ran(
        capsys, "suppression", "import", "list.csv", "--scope", "service", "--reason", "old"
    )
    assert (taken["rows"], taken["changed"]) == (2, 2)
    plan = ran(capsys, "plan", "index-change", "--audience", "few.csv")
    assert plan["audience"]["suppressed"] == {"import": 1, "person": 1}  # type: ignore[index]
    sent = ran(capsys, "send", "index-change", "--audience", "few.csv")
    assert sent["excluded"] == {"import": 1, "person": 1}
    assert sent["counts"]["excluded"] == 2  # type: ignore[index]
    assert sent["counts"]["accepted"] == 2  # type: ignore[index]
    assert len([p for p in (workspace / "outbox").rglob("*") if p.is_file()]) == 2
    assert main(["report"]) == 0
    assert "excluded because suppressed: 2 (import 1, person 1)" in capsys.readouterr().out


def test_exported_with_addresses_as_keys_and_taken_in_again(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "list.csv").write_text(
        "email,expires\n" + "".join(f"{each},2030-01-01T00:00:00Z\n" for each in CUSTOMERS)
    )
    ran(capsys, "suppression", "import", "list.csv", "--reason", "old")
    ran(capsys, "suppression", "export", "plain.csv")
    assert (workspace / "plain.csv").stat().st_mode & 0o777 == 0o600
    ran(capsys, "suppression", "export", "keys.csv", "--hashed")
    (workspace / "shared.key").write_text("a key that both of us hold")
    ran(capsys, "suppression", "export", "shared.csv", "--key-file", "shared.key")
    with (workspace / "plain.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert sorted(row["email"] for row in rows) == sorted(CUSTOMERS)
    assert {row["expires"][:10] for row in rows} == {"2030-01-01"}
    for name in ("keys.csv", "shared.csv"):
        assert "@" not in (workspace / name).read_text()
    listed = ran(capsys, "suppression", "list")
    keys = {line["key"] for line in listed["lines"]}  # type: ignore[attr-defined]
    for key in keys:
        ran(capsys, "suppression", "remove", "--key", key, "--reason", "again")
    assert ran(capsys, "suppression", "list")["total"] == 0
    ran(capsys, "suppression", "import", "keys.csv", "--reason", "again")
    assert {line["key"] for line in ran(capsys, "suppression", "list")["lines"]} == keys  # type: ignore[attr-defined]
    again = ran(capsys, "suppression", "export", "none.csv", "--key-file", "shared.key")
    assert (again["rows"], again["left_out"]) == (0, 4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("name\nann\n", "neither a column email nor a column key"),
        ("email\nann@one.example\nno address\n", "bad rows; nothing was taken in"),
        ("key\n1234\n", "neither an address nor a key"),
        ("email,scope\nann@one.example,letters\n", "there is no scope"),
        ("email,expires\nann@one.example,soon\n", "expires is no time"),
    ],
)
def test_a_bad_list_changes_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (workspace / "list.csv").write_text(content)
    assert main(["suppression", "import", "list.csv", "--reason", "old"]) in (2, 3)
    err = capsys.readouterr().err
    assert said in err and "ann@one.example" not in err
    assert ran(capsys, "suppression", "list")["total"] == 0
    assert main(["suppression", "export", "list.csv"]) == 2
    assert (workspace / "list.csv").read_text() == content


def test_a_refusal_in_the_dialogue_suppresses_as_a_bounce_does(tmp_path: Path) -> None:
    """Whoever is unknown; nobody for a block, whatever number stands before it."""
    people = rows(4)
    unknown, blocked, full = (row[1] for row in people[:3])
    said = {
        unknown: "550 5.1.1 User unknown",
        blocked: "550 5.1.1 blocked using zen.spamhaus.org",
        full: "552 5.2.2 Mailbox full",
    }

    def at_rcpt(address: str) -> str:
        return said.get(address, "250 2.1.5 ok")

    with Sink(Conduct(at_rcpt=at_rcpt)) as sink:
        shop = Workshop(tmp_path / "w", sink.port)
        shop.two_languages()
        shop.edit("severally.toml", 'first = "1s"', 'first = "1s"\ngive_up = "2s"')
        customers = shop.customers(people)
        first = shop.send(customers)
        assert first.said["counts"]["accepted"] == 1
        bars = shop.run("suppression", "list", "--json").said
        assert bars["counts"] == {"all: invalid": 1}
        again = shop.send(customers, "--again", "a test")
        assert again.said["excluded"] == {"invalid": 1}
        chart, table = shop.root / "curves.svg", shop.root / "lanes.csv"
        report = shop.run("report", "--json", "--csv", table, "--chart", chart)
    by_locale = {each["locale"]: each for each in report.said["figures"]["groups"]}
    assert {name: each["bounced"] for name, each in by_locale.items()} == {
        "de": {},
        "ja": {"blocked": 1},
        "ar": {"full": 1},
        "zh-Hans-CN": {},
    }
    assert sum(each["recipients"] for each in by_locale.values()) == len(people)
    assert sum(each["excluded"] for each in by_locale.values()) == 1
    (before,) = report.said["figures"]["earlier"]
    assert (before["mailing"], before["accepted"], before["bounced"]) == (
        first.said["mailing"],
        1,
        3,
    )
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["locale"]: line["bounced_full"] for line in lines} == {
        "de": "0",
        "ja": "0",
        "ar": "1",
        "zh-Hans-CN": "0",
    }
    drawn = chart.read_text("utf-8")
    assert "taken by receivers" in drawn and "bounced 2" in drawn
    assert not any(row[1] in report.everything + drawn + table.read_text() for row in people)
    assert "before: " in shop.run("report").out
