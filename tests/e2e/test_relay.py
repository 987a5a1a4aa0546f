"""A mailing through servers that nobody here wrote, judged by an oracle that shares no code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from proofs import workspace
from proofs.outside import SENDER_DOMAIN, judged, relay
from tests import oracle
from tests.servers.maildev import Maildev
from tests.servers.postfix import Postfix

CUSTOMERS = 200


@pytest.mark.server("postfix")
def test_postfix_with_tls_and_login_receives_one_private_message_for_each(
    tmp_path: Path, postfix: Postfix
) -> None:
    place = workspace.make(tmp_path / "place", CUSTOMERS, relay(postfix, tmp_path))
    sent = workspace.severally(
        place, "send", "index-change", "--audience", "customers.csv", "--json"
    )
    report = json.loads(sent.stdout)
    assert report["counts"]["accepted"] == report["audience"] == CUSTOMERS
    assert sum(report["counts"].values()) == CUSTOMERS
    assert postfix.settle() == CUSTOMERS
    verdict = judged(place, oracle.maildir(postfix.inbox))
    assert verdict.complaints == []
    assert (verdict.messages, verdict.recipients) == (CUSTOMERS, CUSTOMERS)
    assert verdict.most_addresses == 1
    assert len(verdict.locales) == 10
    # Postfix's own words for "over TLS, and signed in" (RFC 3848)
    assert all(b"with ESMTPSA " in each.raw for each in oracle.maildir(postfix.inbox))


@pytest.mark.server("maildev")
def test_maildev_receives_one_private_message_for_each(tmp_path: Path, maildev: Maildev) -> None:
    route = f'type = "smtp"\nhost = "127.0.0.1"\nport = {maildev.port}\ntls = "none"'
    place = workspace.make(tmp_path / "place", CUSTOMERS, route)
    workspace.severally(place, "send", "index-change", "--audience", "customers.csv")
    verdict = judged(place, maildev.received())
    assert verdict.complaints == []
    assert (verdict.messages, verdict.recipients) == (CUSTOMERS, CUSTOMERS)


@pytest.mark.server("postfix")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("ca_file", ""), "certificate is not trusted"),
        (("password_file", "wrong.password"), "signing in was refused"),
        (("username", ""), "password"),
    ],
)
def test_a_relay_that_does_not_let_us_in_is_told_and_nothing_is_lost(
    tmp_path: Path, postfix: Postfix, change: tuple[str, str], said: str
) -> None:
    (tmp_path / "wrong.password").write_text("not it\n")
    name, value = change
    lines = relay(postfix, tmp_path).splitlines()
    value = str(tmp_path / value) if name.endswith("_file") and value else value
    changed = [line for line in lines if not line.startswith(name)]
    changed += [f"{name} = {json.dumps(value)}"] if value else []
    place = workspace.make(tmp_path / "place", 20, "\n".join(changed))
    done = workspace.severally(
        place, "send", "index-change", "--audience", "customers.csv", "--until", "+12s", code=None
    )
    assert done.returncode in (2, 5)
    assert said in done.stdout + done.stderr
    assert postfix.password not in done.stdout + done.stderr
    assert postfix.count() == 0
    assert SENDER_DOMAIN not in postfix.log
