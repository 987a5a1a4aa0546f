"""Another team's tests: the library call, and the fixture that fails where code would leak."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.guarded import environment, people

from severally.guard import disclosure
from severally.guard.disclosure import Disclosure, NotUnderstood

THEIRS = """
import contextlib
import smtplib

from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import Mail

PEOPLE = ["ada@customer.example", "bob@customer.example"]


def newsletter(host, **more):
    mail = Mail("us@exchange.example", PEOPLE, "News", "All is well", **more)
    return SendGridAPIClient("any", host=host).send(mail)


def test_private(mail_guard):
    assert newsletter(mail_guard.url, is_multiple=True).status_code == 202
    assert sorted(mail_guard.recipients) == PEOPLE


def test_leaking_and_not_even_noticing(mail_guard):
    with contextlib.suppress(Exception):
        newsletter(mail_guard.url)


def test_leaking_by_smtp(mail_guard):
    with smtplib.SMTP(mail_guard.smtp_host, mail_guard.smtp_port) as client:
        client.login("any", "any")
        with contextlib.suppress(smtplib.SMTPDataError):
            client.sendmail("us@exchange.example", PEOPLE, "To: " + ", ".join(PEOPLE) + "\\n\\nHi")


def test_private_by_smtp(mail_guard):
    with smtplib.SMTP(mail_guard.smtp_host, mail_guard.smtp_port) as client:
        client.login("any", "any")
        for person in PEOPLE:
            client.sendmail("us@exchange.example", [person], f"To: {person}\\n\\nHi")
    assert mail_guard.recipients == PEOPLE


def test_nothing_that_can_be_judged(mail_guard):
    import urllib.error
    import urllib.request

    request = urllib.request.Request(mail_guard.url + "/emails", b"{")
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request)
"""


def test_a_test_whose_code_would_leak_fails(tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(THEIRS)
    options = ["-q", "-p", "no:randomly", "-p", "no:xdist", "-p", "no:cacheprovider", "-rN"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "test_theirs.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        env=environment(),
    )
    said = done.stdout
    assert "5 passed, 3 errors" in said, said + done.stderr
    assert said.count("mail would leak:") == 2
    assert said.count("each of 2 recipients would see 1 others") == 2
    assert said.count("mail nobody can judge:") == 1
    for failing in (
        "leaking_and_not_even_noticing",
        "leaking_by_smtp",
        "nothing_that_can_be_judged",
    ):
        assert f"ERROR at teardown of test_{failing}" in said


REQUESTS = {
    "https://api.sendgrid.com/v3/mail/send": lambda to: {
        "personalizations": [{"to": [{"email": each} for each in to]}]
    },
    "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails": lambda to: {
        "Destination": {"ToAddresses": to},
        "Content": {},
    },
    "https://api.postmarkapp.com/email": lambda to: {"To": ", ".join(to)},
    "https://api.resend.com/emails": lambda to: {"to": to},
}


def ask(url: str, body: str, **headers: str) -> Disclosure:
    found: Disclosure = disclosure("POST", url, headers, body)  # type: ignore[operator]
    assert found == disclosure.of("POST", url, headers, body.encode())
    return found


@pytest.mark.parametrize("url", REQUESTS)
def test_a_request_is_judged_by_its_address(url: str) -> None:
    assert ask(url, json.dumps(REQUESTS[url](people(1)))).private
    assert ask(url, json.dumps(REQUESTS[url](people(3)))).strangers() == dict.fromkeys(people(3), 2)


def test_a_form_too_and_nothing_else() -> None:
    url, kind = "https://api.mailgun.net/v3/x.example/messages", "application/x-www-form-urlencoded"
    assert not disclosure.of(
        "POST", url, {"Content-Type": kind}, "to=a%40x.example&to=b%40x.example"
    ).private
    with pytest.raises(NotUnderstood):
        disclosure.of("POST", "https://api.sendgrid.com/v3/contacts", {}, b"{}")
