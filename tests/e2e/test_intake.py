"""What comes back by LMTP, SMTP and a Maildir, in another process that is killed at random."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bounces import corpus
from tests.mailbag import Mailbag

from severally.adapters.keys import FileKeys, make_keys
from severally.adapters.listener import listening
from severally.adapters.spool import MaildirSource
from severally.ledger.sqlite import SqliteLedger
from severally.model.delivery import DeliveryState as D
from severally.model.delivery import Purpose
from severally.model.event import EventKind

SEVERALLY = Path(sys.executable).with_name("severally")
SETTINGS = """
[senders.notices]
address = "notices@exchange.example"
return_path = "bounces@exchange.example"
unsubscribe = "out@exchange.example"

[senders.notices.incoming]
listen = "127.0.0.1:0"
protocol = "{protocol}"
maildir = "back"

[routes.main]
type = "discard"
"""
BOUNCE = next(case for case in corpus() if case.kind == "invalid")
COMPLAINT = next(case for case in corpus() if case.kind == "complaint")


@contextlib.contextmanager
def workspace(folder: Path, count: int, protocol: str = "lmtp") -> Iterator[Mailbag]:
    """With a mailing of so many, and the ledger open here too."""
    folder.mkdir()
    (folder / "severally.toml").write_text(SETTINGS.format(protocol=protocol))
    make_keys(folder / "keys")
    (folder / ".severally").mkdir(mode=0o700)
    ledger = SqliteLedger(folder / ".severally" / "ledger.sqlite3")
    try:
        yield Mailbag(count, ledger, FileKeys(folder / "keys"))
    finally:
        ledger.close()


def once(folder: Path) -> str:
    done = subprocess.run(
        [SEVERALLY, "intake", "--once", "--json"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`intake` as a process, and the port it listens on."""
    process = subprocess.Popen([SEVERALLY, "intake"], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r":(\d+) \((?:lmtp|smtp)\)", line)
        assert found, line
        yield process, int(found[1])
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def bounced(bag: Mailbag) -> int:
    return sum(bool(bag.ledger.events_of(number)) for number in bag.deliveries.values())


@pytest.mark.parametrize("protocol", ["lmtp", "smtp"])
def test_a_listener_takes_what_is_ours_and_nothing_else(tmp_path: Path, protocol: str) -> None:
    client = smtplib.LMTP if protocol == "lmtp" else smtplib.SMTP
    with workspace(tmp_path / "w", 4, protocol) as bag, running(tmp_path / "w") as (process, port):
        one, two, three, four = bag.people
        with client("127.0.0.1", port, timeout=30) as door:
            for person, token, to in (
                (one, bag.tokens[one], "bounces"),
                (two, bag.token(bag.deliveries[two], Purpose.UNSUBSCRIBE), "out"),
                (three, "a" * 26, "bounces"),
            ):
                address = f"{to}+{token}@exchange.example"
                raw = BOUNCE.message(token, person) if to == "bounces" else b"Subject: x\n\n"
                door.sendmail("", [address], raw.replace(b"\n", b"\r\n"))
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                door.sendmail("", ["somebody@elsewhere.example"], b"Subject: no\r\n\r\nno")
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        once(tmp_path / "w")
        kinds = {p: [e.kind for e in bag.ledger.events_of(bag.deliveries[p])] for p in bag.people}
        assert kinds == {
            one: [EventKind.INVALID],
            two: [EventKind.UNSUBSCRIBE],
            three: [],
            four: [],
        }
        assert len(list((tmp_path / "w" / ".severally" / "incoming" / "cur").iterdir())) == 1


def test_a_maildir_is_read_and_nothing_is_lost_in_it(tmp_path: Path) -> None:
    with workspace(tmp_path / "w", 3) as bag:
        box = MaildirSource(tmp_path / "w" / "back")
        box.make()
        one, two, _ = bag.people
        box.write(BOUNCE.message(bag.tokens[one], one), ["bounces@exchange.example"])
        box.write(COMPLAINT.message(bag.tokens[two], two, ""), ["feedback@exchange.example"])
        box.write(b"Subject: what is this?\r\n\r\nhello", ["bounces@exchange.example"])
        said = once(tmp_path / "w")
        assert '"invalid":1' in said and '"complaint":1' in said and '"no token of ours":1' in said
        flags = sorted(path.name[-1] for path in (tmp_path / "w" / "back" / "cur").iterdir())
        assert flags == ["F", "S", "S"]
        assert '"messages":{}' in once(tmp_path / "w")
        assert bounced(bag) == 2
        assert not any(person in said for person in bag.people)


def test_killed_at_random_every_event_is_there_once(tmp_path: Path) -> None:
    """Five times here; a hundred times with 10,000 bounces in proofs/incoming.py."""
    killed_at_random(tmp_path, bounces=60, kills=5, seed=3)


def killed_at_random(folder: Path, bounces: int, kills: int, seed: int) -> tuple[int, int]:
    """SIGKILL at random moments while bounces arrive and are taken in; (events, repeats)."""
    rng = random.Random(seed)
    with workspace(folder / "w", bounces) as bag:
        waiting = [(person, BOUNCE.message(bag.tokens[person], person)) for person in bag.people]
        repeats = rng.sample(waiting, bounces // 10)
        waiting += repeats
        rng.shuffle(waiting)
        spool = MaildirSource(folder / "w" / ".severally" / "incoming", remove=True)
        spool.make()
        for number in range(kills):
            share = waiting[number::kills]
            with running(folder / "w") as (process, port):
                half = len(share) // 2
                for person, raw in share[:half]:
                    spool.write(raw, [f"bounces+{bag.tokens[person]}@exchange.example"])
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    _until_killed(process, port, rng.randrange(half + 1), share[half:], bag)
                # whoever got no reply sends it again
                for person, raw in share[half:]:
                    spool.write(raw, [f"bounces+{bag.tokens[person]}@exchange.example"])
        once(folder / "w")
        events = [e for n in bag.deliveries.values() for e in bag.ledger.events_of(n)]
        assert len(events) == bounces
        assert {e.kind for e in events} == {EventKind.INVALID}
        assert spool.waiting(1) == [] and spool.kept() == 0
        acts = [act for act in bag.ledger.acts("") if act.what == "events"]
        assert sum(int(act.detail.split()[0]) for act in acts) == bounces
        assert len(list(bag.ledger.suppressions())) == bounces
        return len(events), len(repeats)


def _until_killed(
    process: subprocess.Popen[str],
    port: int,
    after: int,
    share: list[tuple[str, bytes]],
    bag: Mailbag,
) -> None:
    with smtplib.LMTP("127.0.0.1", port, timeout=30) as door:
        for number, (person, raw) in enumerate(share):
            if number == after:
                process.kill()
            door.sendmail(
                "", [f"bounces+{bag.tokens[person]}@exchange.example"], raw.replace(b"\n", b"\r\n")
            )


def test_nothing_is_acknowledged_that_cannot_be_kept() -> None:
    def full(raw: bytes, to: object) -> None:
        raise OSError(28, "No space left on device")

    async def go() -> int:
        async with listening("127.0.0.1", 0, "smtp", ["bounces@exchange.example"], full) as port:
            return await asyncio.to_thread(_refused_by, port)

    assert asyncio.run(go()) == 451


def _refused_by(port: int) -> int:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as door:
        try:
            door.sendmail("", ["bounces+x@exchange.example"], b"Subject: x\r\n\r\nx")
        except smtplib.SMTPDataError as error:
            return error.smtp_code
    return 250


def test_a_bounce_settles_what_was_in_doubt_and_moves_what_was_accepted(tmp_path: Path) -> None:
    from tests.ledger_samples import attempt, record, totals

    from severally.model.entries import Record

    with workspace(tmp_path / "w", 3) as bag:
        epoch = bag.ledger.take_over(1.0)
        ids = [c.delivery for one in bag.cohorts for c in bag.ledger.claim(one, 9, epoch, 2.0)]
        assert attempt(bag.ledger, epoch, ids)
        first, second, third = ids
        record(bag.ledger, epoch, Record(first, D.IN_DOUBT), Record(second, D.ACCEPTED, 250))
        by_number = {number: person for person, number in bag.deliveries.items()}
        box = MaildirSource(tmp_path / "w" / "back")
        box.make()
        for number in ids:
            person = by_number[number]
            box.write(BOUNCE.message(bag.tokens[person], person), [])
        once(tmp_path / "w")
        assert totals(bag.ledger)[D.BOUNCED] == 2
        record(bag.ledger, epoch, Record(third, D.ACCEPTED, 250))
        assert totals(bag.ledger)[D.BOUNCED] == 3
