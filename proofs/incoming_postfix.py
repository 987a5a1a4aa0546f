"""What Postfix, Dovecot and Sieve send back: item 1 of what comes back.

`make prove P=incoming_postfix`; `tests/e2e/test_back_from_postfix.py` shows it small.
"""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.test_intake import running
from tests.servers.mailhost import FULL, PLAIN, mailhost, unavailable
from tests.servers.postfix import Postfix
from tests.servers.processes import free_port
from tests.workshop import Workshop

from severally.ledger.sqlite import SqliteLedger
from severally.model.delivery import DeliveryState
from severally.model.event import EventKind

OF_EACH = 50
PATIENCE_S = 120.0
UNKNOWN = "unknown"
SCRIPTS = {
    "away": 'require ["vacation"];\nvacation "I am on an island until Monday.";\n',
    "moved": 'redirect "nobody@elsewhere.example";\n',
    "angry": (
        'require ["vnd.dovecot.report"];\n'
        'report "abuse" "The user called it spam." "bounces@exchange.example";\n'
    ),
}
EXPECTED: Mapping[str, tuple[EventKind, ...]] = {
    PLAIN: (),
    UNKNOWN: (EventKind.INVALID,),
    FULL: (EventKind.FULL,),
    "away": (),
    "moved": (EventKind.INVALID,),
    "angry": (EventKind.COMPLAINT,),
}
"""What has to be known about a recipient of each kind in the end."""


def item_1(folder: Path, of_each: int) -> None:
    """A mailing to Postfix, and what comes back from there. Raises AssertionError."""
    port = free_port()
    shop = _addressed(folder / "w", of_each, port)
    users = {f"{kind}{n}": kind for kind in EXPECTED if kind != UNKNOWN for n in range(of_each)}
    with (
        running(shop.root) as (hearing, lmtp),
        mailhost(port, lmtp, "exchange.example", users, SCRIPTS) as server,
    ):
        sent = shop.send(shop.root / "customers.csv")
        assert sent.code == 0, sent.everything
        _came_back(server, lmtp, (len(EXPECTED) - 1) * of_each)
        answers = _answers(hearing)
    answers += shop.run("intake", "--once", "--json").said["messages"].get("answer", 0)
    assert answers == of_each, answers
    with contextlib.closing(SqliteLedger(shop.root / ".severally" / "ledger.sqlite3")) as ledger:
        (mailing,) = ledger.mailings()
        heard: Counter[tuple[str, tuple[EventKind, ...]]] = Counter()
        everyone = ledger.everyone(mailing.id, tuple(DeliveryState))
        for name, _, record in everyone:
            kinds = tuple(event.kind for event in ledger.events_of(record.delivery))
            heard[name.partition("-")[0], kinds] += 1
        suppressed = Counter(one.why.value for one in ledger.suppressions())
    assert heard == dict.fromkeys(EXPECTED.items(), of_each), heard
    assert suppressed == {"invalid": 2 * of_each, "complaint": 2 * of_each}, suppressed
    print(
        f"1. {mailing.count:,} messages to Postfix; came back as mail: {of_each} unknown users and "
        f"{of_each} behind a forward invalid, {of_each} full, {of_each} complaints; {answers} "
        f"vacation replies dropped, {of_each} read in peace; every one at its own delivery"
    )


def _came_back(server: Postfix, lmtp: int, messages: int) -> None:
    """Wait until so many were handed over there. Raises AssertionError."""
    deadline = time.monotonic() + PATIENCE_S
    handed = f"relay=127.0.0.1[127.0.0.1]:{lmtp},"
    while server.log.count(handed) < messages:
        assert time.monotonic() < deadline, server.log[-3000:]
        time.sleep(0.05)
    server.settle()


def _answers(hearing: subprocess.Popen[str]) -> int:
    """End it; how many answers of machines it has dropped."""
    hearing.send_signal(signal.SIGTERM)
    said, _ = hearing.communicate(timeout=PATIENCE_S)
    found = re.search(r"(\d+) +answer", said)
    return int(found[1]) if found else 0


def _addressed(folder: Path, of_each: int, port: int) -> Workshop:
    """A workspace that sends to this port and hears by LMTP, with customers of every kind."""
    shop = Workshop(folder, port)
    shop.two_languages()
    route = "[routes.main]"
    shop.edit(
        "severally.toml", route, f'[senders.notices.incoming]\nlisten = "127.0.0.1:0"\n{route}'
    )
    shop.customers(
        [
            [f"{kind}-{n}", f"{kind}{n}@there.example", "en", "UTC", "Ann", f"AC-{n}", "1.00 USD"]
            for kind in EXPECTED
            for n in range(of_each)
        ]
    )
    return shop


def main() -> int:
    """One line."""
    if why := unavailable():
        print(f"1. skipped: {why}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        item_1(Path(folder), OF_EACH)
    return 0


if __name__ == "__main__":
    sys.exit(main())
