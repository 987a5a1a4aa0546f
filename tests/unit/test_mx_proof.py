"""MTA-STS and DANE: with proof of who the host is, or later; never without."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.mx_world import Conduct, World, encrypting, failure, letter, sent, world
from tests.smtp_sink import Sink

from severally.adapters.mta_sts import Policy, read_policy, record_id
from severally.transport.mx import _allowed

HOST = "mx.safe.test"
NAMES = (HOST, "mta-sts.safe.test")


@pytest.fixture
def port() -> int:
    with Sink(address="127.0.0.2") as probe:
        return probe.port


def test_an_enforced_policy_is_held_to_and_mail_goes_encrypted(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, *NAMES) as here, _host(here) as sink:
        here.names.mail("safe.test", mx="127.0.0.2")
        here.enforce("safe.test", HOST)
        (outcome,) = sent(here.transport, letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and sink.encrypted == 1
        assert here.policies.asked == ["mta-sts.safe.test"]


@pytest.mark.parametrize(
    "trouble", ["no starttls", "untrusted", "another name", "not in the policy"]
)
def test_what_an_enforced_policy_forbids_is_deferred_and_nothing_leaves(
    tmp_path: Path, port: int, trouble: str
) -> None:
    names = NAMES[1:] if trouble == "another name" else NAMES
    with world(tmp_path, port, *names) as here:
        conduct = Conduct() if trouble == "no starttls" else encrypting(here)
        with Sink(conduct, "127.0.0.2", port) as sink:
            here.names.mail("safe.test", mx="127.0.0.2")
            here.enforce("safe.test", "mx.other.test" if trouble == "not in the policy" else HOST)
            transport = here.transport
            if trouble == "untrusted":
                transport._verified = here.another(ca_file="")._verified
            failed = failure(transport, "x@safe.test")
            assert (failed.reply.code, failed.reply.enhanced) == (451, "4.7.5")
            assert "MTA-STS" in failed.reply.text and not failed.lane_wide
            assert sink.received == []
            assert not any(said.startswith("MAIL") for said in sink.commands)


def test_a_policy_in_testing_changes_nothing(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, *NAMES) as here, Sink(address="127.0.0.2", port=port) as sink:
        here.names.mail("safe.test", mx="127.0.0.2")
        here.enforce("safe.test", HOST, mode="testing")
        (outcome,) = sent(here.transport, letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and sink.encrypted == 0


def test_a_policy_once_seen_holds_when_it_is_hidden(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, *NAMES) as here, Sink(address="127.0.0.2", port=port) as sink:
        here.names.mail("safe.test", mx="127.0.0.2")
        here.enforce("safe.test", HOST)
        failure(here.transport, "x@safe.test")
        here.names.add("_mta-sts.safe.test", "TXT")  # somebody hides it
        later = here.another()
        assert failure(later, "x@safe.test").reply.enhanced == "4.7.5"
        here.moment.now += 86_401  # until its max_age
        (outcome,) = sent(here.another(), letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and len(sink.received) == 1


def test_a_new_id_fetches_the_policy_anew(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, *NAMES) as here, _host(here) as sink:
        here.names.mail("safe.test", mx="127.0.0.2")
        here.enforce("safe.test", "mx.old.test")
        failure(here.transport, "x@safe.test")
        here.enforce("safe.test", HOST, id_="2")
        (outcome,) = sent(here.another(), letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and len(sink.received) == 1
        sent(here.another(), letter(2, "x@safe.test"))
        assert len(here.policies.asked) == 2


@pytest.mark.parametrize("spoil", ["redirect", "not text", "not certified"])
def test_a_policy_that_cannot_be_had_properly_is_none(
    tmp_path: Path, port: int, spoil: str
) -> None:
    names = (HOST,) if spoil == "not certified" else NAMES
    with world(tmp_path, port, *names) as here, Sink(address="127.0.0.2", port=port) as sink:
        here.names.mail("safe.test", mx="127.0.0.2")
        here.enforce("safe.test", HOST)
        if spoil == "redirect":
            here.policies.status = 301
        if spoil == "not text":
            here.policies.content_type = "text/html"
        (outcome,) = sent(here.transport, letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and len(sink.received) == 1


def test_domains_with_and_without_a_policy_share_no_socket(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, *NAMES) as here, _host(here) as sink:
        here.names.mail("safe.test", mx="127.0.0.2")
        here.names.add("plain.test", "MX", f"10 {HOST}.")
        here.enforce("safe.test", HOST)
        sent(here.transport, letter(1, "x@safe.test"), letter(2, "x@plain.test"))
        assert sink.connections == 2


Record = Callable[[World], str]


def _spki(here: World, which: str = "certificate") -> bytes:
    certificate = x509.load_pem_x509_certificate(getattr(here.certified, which).read_bytes())
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _der(here: World, which: str = "certificate") -> bytes:
    certificate = x509.load_pem_x509_certificate(getattr(here.certified, which).read_bytes())
    return certificate.public_bytes(Encoding.DER)


GOOD: dict[str, Record] = {
    "3 1 1": lambda here: f"3 1 1 {hashlib.sha256(_spki(here)).hexdigest()}",
    "3 1 2": lambda here: f"3 1 2 {hashlib.sha512(_spki(here)).hexdigest()}",
    "3 0 1": lambda here: f"3 0 1 {hashlib.sha256(_der(here)).hexdigest()}",
    "3 0 0": lambda here: f"3 0 0 {_der(here).hex()}",
    "2 0 1": lambda here: f"2 0 1 {hashlib.sha256(_der(here, 'ca')).hexdigest()}",
    "2 1 1": lambda here: f"2 1 1 {hashlib.sha256(_spki(here, 'ca')).hexdigest()}",
    "unusable": lambda here: "1 1 1 " + "00" * 32,
}


@pytest.mark.parametrize("record", GOOD, ids=list(GOOD))
def test_a_host_that_shows_what_its_tlsa_records_name_gets_mail(
    tmp_path: Path, port: int, record: str
) -> None:
    with world(tmp_path, port, HOST) as here, _host(here, chain=True) as sink:
        _publish(here, GOOD[record](here))
        (outcome,) = sent(here.another(ca_file=""), letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and sink.encrypted == 1


@pytest.mark.parametrize("trouble", ["wrong key", "another name", "no starttls", "unusable"])
def test_a_host_without_that_proof_gets_nothing(tmp_path: Path, port: int, trouble: str) -> None:
    names = ("mx.other.test",) if trouble == "another name" else (HOST,)
    with world(tmp_path, port, *names) as here:
        plain = trouble in ("no starttls", "unusable")
        conduct = Conduct() if plain else encrypting(here, chain=True)
        with Sink(conduct, "127.0.0.2", port) as sink:
            record = {"another name": "2 1 1", "unusable": "unusable"}.get(trouble, "3 1 1")
            text = GOOD[record](here) if trouble != "wrong key" else "3 1 1 " + "ab" * 32
            _publish(here, text)
            failed = failure(here.transport, "x@safe.test")
            assert (failed.reply.code, failed.reply.enhanced) == (451, "4.7.5")
            assert "DANE" in failed.reply.text
            assert sink.received == []
            assert not any(said.startswith("MAIL") for said in sink.commands)


def test_tlsa_without_authentication_is_nobodys_word(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, HOST) as here, _host(here) as sink:
        _publish(here, "3 1 1 " + "ab" * 32)
        here.names.secure.clear()
        (outcome,) = sent(here.transport, letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and sink.encrypted == 1


def test_a_tlsa_question_without_an_answer_defers(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, HOST) as here, _host(here) as sink:
        _publish(here, GOOD["3 1 1"](here))
        here.names.failing.add(f"_{port}._tcp.{HOST}")
        failed = failure(here.transport, "x@safe.test")
        assert (failed.reply.code, failed.reply.enhanced) == (451, "4.4.3")
        assert sink.connections == 0


def test_dane_goes_before_a_policy(tmp_path: Path, port: int) -> None:
    with world(tmp_path, port, *NAMES) as here, _host(here) as sink:
        _publish(here, GOOD["3 1 1"](here))
        here.enforce("safe.test", HOST)
        transport = here.transport
        transport._verified = here.another(ca_file="")._verified  # would not trust its authority
        (outcome,) = sent(transport, letter(1, "x@safe.test"))
        assert outcome.reply.code == 250 and len(sink.received) == 1


@pytest.mark.parametrize(
    ("host", "patterns", "allowed"),
    [
        ("mx.a.test", ("mx.a.test",), True),
        ("mx.a.test", ("*.a.test",), True),
        ("mx.b.a.test", ("*.a.test",), False),
        ("a.test", ("*.a.test",), False),
        ("mx.a.test", ("mx.b.test",), False),
        ("mxa.test", ("*.test",), True),
    ],
)
def test_which_hosts_a_policy_names(host: str, patterns: tuple[str, ...], allowed: bool) -> None:
    assert _allowed(host, patterns) is allowed


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("v=STSv1; id=20260101;",), "20260101"),
        (("v=STSv1; id=a1",), "a1"),
        (("v=spf1 -all", "v=STSv1; id=2;"), "2"),
        (("v=STSv1; id=1;", "v=STSv1; id=2;"), None),
        (("v=STSv1; id=;",), None),
        (("v=STSv2; id=1;",), None),
        ((), None),
    ],
)
def test_the_record_that_announces_a_policy(texts: tuple[str, ...], found: str | None) -> None:
    assert record_id(texts) == found


def test_policy_files_as_they_are_and_as_they_are_not() -> None:
    text = "version: STSv1\r\nmode: enforce\r\nmx: MX.a.test\r\nmx: *.b.test\r\nmax_age: 600\r\n"
    assert read_policy(text, "1", 100.0) == Policy("1", "enforce", ("mx.a.test", "*.b.test"), 700.0)
    assert read_policy(text.replace("STSv1", "STSv2"), "1", 0.0) is None
    assert read_policy(text.replace("mode: enforce", "mode: maybe"), "1", 0.0) is None
    assert read_policy(text.replace("600", "-1"), "1", 0.0) is None
    assert read_policy("version: STSv1\nmode: none\nmax_age: 60", "1", 0.0) is not None
    assert read_policy("<html>", "1", 0.0) is None
    endless = read_policy(text.replace("600", "9999999999"), "1", 0.0)
    assert endless is not None and endless.until == 31_557_600


def _host(here: World, chain: bool = False) -> Sink:
    return Sink(encrypting(here, chain), "127.0.0.2", here.port)


def _publish(here: World, record: str) -> None:
    """The domain's names, authenticated, with this TLSA record."""
    tlsa = f"_{here.port}._tcp.{HOST}"
    here.names.mail("safe.test", mx="127.0.0.2")
    here.names.add(tlsa, "TLSA", record)
    here.secure("safe.test", HOST, tlsa)
