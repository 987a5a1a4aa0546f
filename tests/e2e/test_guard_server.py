"""The drop-in guard as a server: who is let in, what is held, halted, in doubt, and never said."""

from __future__ import annotations

import base64
import json
import smtplib
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.guarded import KEY, Guarded, people
from tests.programs import FROM, TEXT, finished, smtplib_each, smtplib_together
from tests.servers.authority import certify
from tests.smtp_sink import Conduct, Conversation, Received

from severally.model.delivery import DeliveryState

OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(guard: Guarded, path: str, body: Any, **headers: str) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(guard.url + path, data)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with OPEN.open(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def by_resend(guard: Guarded, to: Sequence[str], text: str = TEXT, **headers: str) -> Any:
    rows = [{"from": FROM, "to": [person], "subject": "Index", "text": text} for person in to]
    return post(guard, "/emails/batch", rows, Authorization=f"Bearer {KEY}", **headers)


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guarded]:
    with Guarded(tmp_path / "newsroom", "most = 5") as running:
        yield running


def test_nobody_is_let_in_without_a_key(guard: Guarded) -> None:
    mail = {"from": FROM, "to": ["a@c.example"], "subject": "x", "text": "x"}
    basic = base64.b64encode(b"api:wrong").decode()
    form = b"from=us%40exchange.example&to=a%40c.example&subject=x&text=x"
    answers = [
        post(guard, "/v3/mail/send", mail, Authorization="Bearer wrong"),
        post(guard, "/v3/x.example/messages", form, Authorization=f"Basic {basic}"),
        post(guard, "/email", mail, X_Postmark_Server_Token="wrong"),
        post(guard, "/emails", mail),
        post(guard, "/v2/email/outbound-emails", mail, Authorization="AWS4-HMAC-SHA256 x"),
    ]
    assert [status for status, _ in answers] == [401, 401, 401, 401, 403]
    for _, said in answers:
        assert "key" in json.dumps(said) and KEY not in json.dumps(said)
    with smtplib.SMTP("127.0.0.1", guard.smtp, timeout=60) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("apikey", "wrong")
        with pytest.raises(smtplib.SMTPSenderRefused, match="Authentication required"):
            client.send_message(finished(people(1)))
    assert guard.settled() == []


def test_what_it_does_not_know_it_says_so(guard: Guarded) -> None:
    assert post(guard, "/v3/contacts", {})[0] == 404
    with OPEN.open(f"{guard.url}/health", timeout=60) as answer:
        assert json.load(answer) == {"status": "ok"}


def test_a_sudden_fan_out_is_held_until_an_operator_decides(guard: Guarded) -> None:
    assert by_resend(guard, people(4))[0] == 200
    assert by_resend(guard, people(4, "later.example"))[0] == 200  # taken, and held
    assert len(guard.settled()) == 4
    listed = guard.verb("held", "list", "--json").said
    (held,) = listed["held"]
    assert (held["letters"], held["way"], listed["letters"]["held"]) == (4, "resend", 4)
    assert any("held release" in line for line in guard.lines)
    assert guard.verb("held", "release", held["id"]).code == 0
    assert by_resend(guard, people(4, "more.example"))[0] == 200  # its content is allowed now
    assert len(guard.settled()) == 12
    assert "released" in guard.verb("audit", "show").out


def test_what_is_discarded_never_leaves(guard: Guarded) -> None:
    by_resend(guard, people(9))
    (held,) = guard.verb("held", "list", "--json").said["held"]
    done = guard.verb("held", "discard", held["id"], "--reason", "astray", "--json")
    assert done.said == {"submission": held["id"], "letters": 9, "what": "discarded"}
    assert guard.verb("held", "release", held["id"]).code == 2
    assert guard.settled() == []


def test_a_halt_stops_it_all(guard: Guarded) -> None:
    assert guard.verb("halt", "--guard", "--reason", "something is wrong").code == 0
    status, said = by_resend(guard, people(1))
    assert status == 403 and "halted: something is wrong" in said["message"]
    with smtplib.SMTP("127.0.0.1", guard.smtp, timeout=60) as client:
        client.login("apikey", KEY)
        with pytest.raises(smtplib.SMTPDataError, match="halted"):
            client.send_message(finished(people(1)))
    assert guard.verb("resume", "--guard").code == 0
    assert by_resend(guard, people(1))[0] == 200
    assert len(guard.settled()) == 1
    assert guard.verb("halt", "--all").out.startswith("halted the drop-in guard")
    assert by_resend(guard, people(1))[0] == 403


def test_the_same_request_again_is_sent_once(guard: Guarded) -> None:
    first = by_resend(guard, people(2), Idempotency_Key="k1")
    assert by_resend(guard, people(2), Idempotency_Key="k1") == first
    assert len(guard.settled()) == 2


def test_addresses_of_earlier_recipients_do_not_pile_up(guard: Guarded) -> None:
    """Let's Encrypt, 2016: each message held those before it."""
    assert by_resend(guard, ["first@c.example"])[0] == 200
    status, said = by_resend(guard, ["second@c.example"], f"{TEXT}\nfirst@c.example")
    assert status == 422 and "1 addresses of others" in said["message"]
    assert len(guard.settled()) == 1


def test_a_trial_reaches_no_customer(guard: Guarded) -> None:
    status, said = by_resend(guard, ["somebody@customers.org"])
    assert status == 403 and "1 recipients are outside" in said["message"]
    assert "somebody" not in json.dumps(said)


def test_no_address_is_said_or_kept_in_the_clear(guard: Guarded) -> None:
    by_resend(guard, ["marked-one@c.example"])
    smtplib_together(guard, ["marked-two@c.example", "marked-three@c.example"])
    post(guard, "/emails", b"{", Authorization=f"Bearer {KEY}")
    assert guard.settled()
    said = "\n".join(guard.lines) + guard.verb("audit", "show").everything
    assert "resend" in said and "smtp" in said
    assert "marked" not in said
    for file in (guard.root / ".severally").iterdir():
        assert b"marked-" not in file.read_bytes(), file.name


def test_a_large_body_is_not_read(tmp_path: Path) -> None:
    with Guarded(tmp_path / "newsroom", "most_bytes = 1000") as guard:
        status, said = by_resend(guard, people(1), "x" * 2_000)
        assert status == 413 and "1,000 bytes" in said["message"]


def test_over_tls_alone_where_there_is_a_certificate(tmp_path: Path) -> None:
    tls = certify(tmp_path)
    with Guarded(tmp_path / "newsroom", tls=tls) as guard:
        with smtplib.SMTP("127.0.0.1", guard.smtp, timeout=60) as client:
            client.ehlo()
            assert not client.has_extn("auth")
            assert client.docmd("MAIL", "FROM:<us@exchange.example>")[0] == 530
        assert smtplib_each(guard, people(2))
        assert len(guard.settled()) == 2


async def silent(conversation: Conversation, received: Received) -> bool:
    """Took it, and hung up without a word."""
    return False


def test_what_got_no_answer_is_in_doubt_and_not_sent_again(tmp_path: Path) -> None:
    with Guarded(tmp_path / "newsroom", conduct=Conduct(at_dot=silent)) as guard:
        by_resend(guard, people(1))
        assert len(guard.settled()) == 1
        assert guard.count(DeliveryState.IN_DOUBT) == 1
    assert guard.lines


def test_a_second_guard_is_refused(guard: Guarded) -> None:
    done = guard.verb("guard")
    assert done.code == 3 and "a guard runs for this workspace already" in done.err
