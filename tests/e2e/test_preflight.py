"""Preflight over a name server of the tests' own: a sound sender, and thirty that are not."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from tests.servers.nameserver import Nameserver

from severally.adapters.dns import Dns
from severally.app.config import load
from severally.app.office import open_office
from severally.app.operations import drafts
from severally.app.operations.preflight import refuse_rejected
from severally.app.preflight import dmarc, spf
from severally.app.preflight.asking import Check, Result
from severally.app.preflight.bulk import rejecting
from severally.app.preflight.looking import Facts, look
from severally.app.wiring import Wiring
from severally.model.errors import Refused
from severally.model.notice import Kind

IP = "192.0.2.7"
REVERSE = "7.2.0.192.in-addr.arpa"
KEY_NAME = "s1._domainkey.shop.test"
Break = Callable[[Nameserver], None]


def public_key(bits: int = 2048) -> str:
    key = generate_private_key(65_537, bits).public_key()
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_bytes(*form)).decode()


OURS, OTHER, SHORT = public_key(), public_key(), public_key(1024)


def txt(text: str) -> str:
    """Quoted, in strings of 255."""
    return " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))


def sound(server: Nameserver) -> None:
    """Every record as it should be."""
    server.add("shop.test", "TXT", txt(f"v=spf1 ip4:{IP} -all"), txt("site-verification=1"))
    server.add(KEY_NAME, "TXT", txt(f"v=DKIM1; k=rsa; p={OURS}"))
    server.add("_dmarc.shop.test", "TXT", txt("v=DMARC1; p=quarantine; rua=mailto:d@shop.test"))
    server.add(REVERSE, "PTR", "mail.shop.test.")
    server.mail("shop.test", mail=IP)
    server.add("_mta-sts.shop.test", "TXT", txt("v=STSv1; id=20260101"))
    server.add("_smtp._tls.shop.test", "TXT", txt("v=TLSRPTv1; rua=mailto:tls@shop.test"))
    server.add("default._bimi.shop.test", "TXT", txt("v=BIMI1; l=https://shop.test/logo.svg"))


FACTS = Facts(
    "news@shop.test", "bounces@shop.test", {KEY_NAME: f"v=DKIM1; k=rsa; p={OURS}"}, (IP,), True
)


def looked(server: Nameserver, facts: Facts = FACTS, tls: str = "") -> dict[str, Check]:
    checks = asyncio.run(look(Dns(server.address, 2.0), facts, lambda host: tls))
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


@pytest.fixture
def server() -> Iterator[Nameserver]:
    with Nameserver() as running:
        sound(running)
        yield running


def test_a_sound_sender_passes_everything(server: Nameserver) -> None:
    checks = looked(server)
    assert {check.result for check in checks.values()} == {Result.PASS}, checks
    assert {"Gmail", "Yahoo", "Microsoft"} <= set(checks)


def _spf(*records: str) -> Break:
    return lambda server: server.add("shop.test", "TXT", *map(txt, records))


def _dkim(*records: str) -> Break:
    return lambda server: server.add(KEY_NAME, "TXT", *map(txt, records))


def _dmarc(*records: str) -> Break:
    return lambda server: server.add("_dmarc.shop.test", "TXT", *map(txt, records))


def _many_lookups(server: Nameserver) -> None:
    for number in range(11):
        server.add(f"i{number}.shop.test", "TXT", txt("v=spf1 ip4:198.51.100.1 -all"))
    includes = " ".join(f"include:i{number}.shop.test" for number in range(11))
    server.add("shop.test", "TXT", txt(f"v=spf1 {includes} ip4:{IP} -all"))


def _void_lookups(server: Nameserver) -> None:
    gone = "a:g1.shop.test a:g2.shop.test a:g3.shop.test"
    server.add("shop.test", "TXT", txt(f"v=spf1 {gone} ip4:{IP} -all"))


F, W, U = Result.FAIL, Result.WARN, Result.UNKNOWN
BROKEN: list[tuple[str, Break, str, Result, str]] = [
    ("no SPF", _spf("nothing"), "SPF", F, "publishes no SPF record"),
    ("two SPF", _spf(f"v=spf1 ip4:{IP} -all", "v=spf1 -all"), "SPF", F, "2 SPF records"),
    ("another address", _spf("v=spf1 ip4:198.51.100.9 -all"), "SPF", F, "does not name"),
    ("softfail", _spf("v=spf1 ~all"), "SPF", F, "(softfail)"),
    ("neutral", _spf("v=spf1 ?all"), "SPF", F, "(neutral)"),
    ("typing error", _spf("v=spf1 ipv4:192.0.2.7 -all"), "SPF", F, "no term"),
    ("bad network", _spf("v=spf1 ip4:192.0.2.700 -all"), "SPF", F, "no term"),
    ("11 look-ups", _many_lookups, "SPF", F, "more than 10 DNS look-ups"),
    ("3 void look-ups", _void_lookups, "SPF", F, "more than 2 look-ups find nothing"),
    ("include of nothing", _spf("v=spf1 include:gone.test -all"), "SPF", F, "leads to no record"),
    ("SPF loop", _spf("v=spf1 include:shop.test -all"), "SPF", F, "more than 10"),
    ("no key", _dkim(), "DKIM s1", F, "no key is published"),
    ("revoked key", _dkim("v=DKIM1; p="), "DKIM s1", F, "revoked"),
    ("another key", _dkim(f"v=DKIM1; k=rsa; p={OTHER}"), "DKIM s1", F, "not the one we sign with"),
    ("key of another kind", _dkim(f"v=DKIM1; k=ed25519; p={OURS}"), "DKIM s1", F, "another kind"),
    ("two keys", _dkim(f"v=DKIM1; p={OURS}", f"v=DKIM1; p={OTHER}"), "DKIM s1", F, "2 records"),
    ("SHA-1 alone", _dkim(f"v=DKIM1; h=sha1; p={OURS}"), "DKIM s1", F, "forbids SHA-256"),
    ("not for mail", _dkim(f"v=DKIM1; s=tlsrpt; p={OURS}"), "DKIM s1", F, "not for mail"),
    ("a test key", _dkim(f"v=DKIM1; t=y; p={OURS}"), "DKIM s1", W, "a test"),
    ("no DMARC", _dmarc(), "DMARC", F, "publishes no DMARC record"),
    ("two DMARC", _dmarc("v=DMARC1; p=none", "v=DMARC1; p=reject"), "DMARC", F, "several records"),
    ("no such policy", _dmarc("v=DMARC1; p=nothing"), "DMARC", F, "no such policy"),
    ("policy none", _dmarc("v=DMARC1; p=none; rua=mailto:d@shop.test"), "DMARC", W, "none"),
    ("reports nowhere", _dmarc("v=DMARC1; p=reject; rua=d@shop.test"), "DMARC", W, "no reports"),
    ("no PTR", lambda s: s.add(REVERSE, "PTR"), "PTR", F, "has no name"),
    ("PTR elsewhere", lambda s: s.add(REVERSE, "PTR", "other.test."), "PTR", F, "another address"),
    ("no MX", lambda s: s.add("shop.test", "MX"), "MX", F, "would not come back"),
    ("null MX", lambda s: s.add("shop.test", "MX", "0 ."), "MX", F, "null MX"),
    ("MX of nothing", lambda s: s.add("shop.test", "MX", "1 no.test."), "MX", F, "no address"),
    ("no MTA-STS", lambda s: s.add("_mta-sts.shop.test", "TXT"), "MTA-STS", W, "not published"),
    ("bad TLS-RPT", lambda s: s.add("_smtp._tls.shop.test", "TXT", txt("v=TLSRPTv1;")), "TLS-RPT",
     W, "has no rua="),
    ("two BIMI", lambda s: s.add("default._bimi.shop.test", "TXT", txt("v=BIMI1; l=https://a.test"),
     txt("v=BIMI1; l=https://b.test")), "BIMI", W, "several records"),
    ("silent DNS", lambda s: s.failing.add("_dmarc.shop.test"), "DMARC", U, "no answer"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "name", "result", "why"), [b[1:] for b in BROKEN],
                         ids=[b[0] for b in BROKEN])  # fmt: skip
def test_what_is_broken_is_named_with_its_cure(
    server: Nameserver, spoil: Break, name: str, result: Result, why: str
) -> None:
    assert len(BROKEN) >= 30
    spoil(server)
    checks = looked(server)
    found = checks[name]
    assert found.result is result and why in found.why, found
    assert found.cure or result is not F
    rejected = rejecting(checks.values(), ("google", "microsoft", "gmx"))
    wanted = {"SPF", "DKIM s1", "DMARC", "PTR"} if result is F else set()
    assert ("Gmail" in rejected) is (name in wanted)
    assert ("Microsoft" in rejected) is (name in wanted - {"PTR"})


@pytest.mark.parametrize(
    ("facts", "name", "why"),
    [
        ({"return_path": "b@elsewhere.test"}, "MX", "does not exist"),
        ({"return_path": "b@elsewhere.test", "keys": {}}, "alignment", "nothing"),
        ({"keys": {}}, "DKIM", "signs nothing"),
        ({"marketing": False}, "one-click", "no unsubscribe_url"),
    ],
)
def test_a_sender_whose_settings_do_not_fit(
    server: Nameserver, facts: dict[str, object], name: str, why: str
) -> None:
    import msgspec

    checks = looked(server, msgspec.structs.replace(FACTS, **facts))
    assert checks[name].result is F and why in checks[name].why


def test_a_mail_host_without_tls_is_said(server: Nameserver) -> None:
    assert looked(server, tls="does not offer STARTTLS")["TLS"].result is W


# --- outside judges


def _judge_spf(server: Nameserver) -> str:
    """pyspf's answer over the same name server."""
    import spf as pyspf

    pyspf.DNSLookup = lambda name, kind, tcpfallback=True, timeout=30: [
        ((name, kind), _decoded(kind, value)) for value in server.records(name, kind)
    ]
    result: str = pyspf.query(IP, "bounces@shop.test", "mail.shop.test").check()[0]
    return result


def _decoded(kind: str, value: str) -> object:
    if kind == "TXT":
        return tuple(part.encode() for part in value.strip('"').split('" "'))
    if kind == "MX":
        number, host = value.split()
        return int(number), host.rstrip(".")
    return value.rstrip(".")


SPF_CASES = [b for b in BROKEN if b[2] == "SPF"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("broken", SPF_CASES, ids=[b[0] for b in SPF_CASES])
def test_pyspf_agrees(server: Nameserver, broken: tuple[str, Break]) -> None:
    for spoil in (None, broken[1]):
        if spoil is not None:
            spoil(server)
        dns = Dns(server.address, 2.0)
        ours = asyncio.run(spf.check_host(dns, IP, "shop.test", "bounces@shop.test"))
        assert ours.result.value == _judge_spf(server), ours


def test_dkimpy_finds_the_key_that_we_find(server: Nameserver) -> None:
    import dkim

    def record(name: bytes, timeout: int = 5) -> bytes:
        (value,) = server.records(name.decode().rstrip("."), "TXT")
        return b"".join(_decoded("TXT", value))  # type: ignore[call-overload]

    _, bits, kind, _ = dkim.load_pk_from_dns(KEY_NAME.encode() + b".", record)
    assert (bits, kind) == (2048, b"rsa")
    assert "2048 bits" in looked(server)["DKIM s1"].why


@pytest.mark.parametrize(
    "record",
    ["v=DMARC1; p=quarantine; rua=mailto:d@shop.test", "v=DMARC1; p=reject; adkim=s; aspf=s",
     "v=DMARC1; p=none"],
)  # fmt: skip
def test_checkdmarc_reads_what_we_read(server: Nameserver, record: str) -> None:
    from checkdmarc.dmarc import parse_dmarc_record

    server.add("_dmarc.shop.test", "TXT", txt(record))
    theirs = parse_dmarc_record(record, "shop.test", ignore_unrelated_records=True)
    ours = asyncio.run(dmarc.in_force(Dns(server.address, 2.0), "shop.test"))
    assert ours is not None
    assert ours.policy == theirs["tags"]["p"]["value"]


# --- organizational domains (RFC 9989 4.10)


def test_the_tree_is_walked_to_the_organization(server: Nameserver) -> None:
    dns = Dns(server.address, 2.0)
    server.add("_dmarc.co.test", "TXT", txt("v=DMARC1; psd=y; p=none"))
    server.add("_dmarc.bank.co.test", "TXT", txt("v=DMARC1; p=reject"))

    def org(name: str) -> str:
        return asyncio.run(dmarc.organizational(dns, name))

    assert org("news.mail.bank.co.test") == "bank.co.test"
    assert org("other.co.test") == "other.co.test"
    assert org("deep.shop.test") == "shop.test"
    assert org("nowhere.test") == "nowhere.test"
    server.asked.clear()
    assert org(".".join("abcdefghijkl") + ".shop.test") == "shop.test"
    assert server.asked.total() <= 8

    def aligned(one: str, other: str, strict: bool = False) -> bool:
        return asyncio.run(dmarc.aligned(dns, one, other, strict))

    assert aligned("shop.test", "mail.shop.test")
    assert not aligned("shop.test", "mail.shop.test", strict=True)
    assert not aligned("bank.co.test", "other.co.test")


# --- as a person runs it


def test_as_a_person_runs_it(server: Nameserver, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("severally")
    subprocess.run([program, "init", "w"], cwd=tmp_path, check=True, capture_output=True)
    settings = tmp_path / "w" / "severally.toml"
    text = settings.read_text("utf-8").replace("exchange.example", "shop.test")
    more = f'\n[preflight]\nresolver = "{server.address}"\naddresses = ["{IP}"]\nsmtp_port = 1\n'
    settings.write_text(text + more, "utf-8")
    done = subprocess.run(
        [program, "check", "--sender", "notices", "--json"],
        cwd=tmp_path / "w",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    checks = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    assert checks["SPF"]["result"] == "pass" and checks["DKIM"]["result"] == "fail"
    assert checks["Gmail"]["result"] == "fail" and "DKIM" in checks["Gmail"]["why"]


def test_what_a_receiver_of_the_audience_rejects_is_refused(
    server: Nameserver, tmp_path: Path
) -> None:
    """Before anybody is mailed; whoever rejects for something else stops nobody."""
    program = Path(sys.executable).with_name("severally")
    subprocess.run([program, "init", "w"], cwd=tmp_path, check=True, capture_output=True)
    folder = tmp_path / "w"
    text = (folder / "severally.toml").read_text("utf-8").replace("exchange.example", "shop.test")
    more = f'\n[preflight]\nresolver = "{server.address}"\naddresses = ["{IP}"]\nsmtp_port = 1\n'
    (folder / "severally.toml").write_text(text + more, "utf-8")
    with open_office(load(folder), Wiring()) as office:
        sender = drafts.sender_named(office, "notices", [])
        assert sender is not None
        with pytest.raises(Refused, match="Gmail would reject this mailing") as refused:
            refuse_rejected(office, sender, Kind.SERVICE, "main", ["google", "gmx"])
        assert any(each.where == "DKIM" and each.cure for each in refused.value.findings)
        refuse_rejected(office, sender, Kind.SERVICE, "main", ["gmx"])
