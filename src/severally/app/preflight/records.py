"""The records of a sender: DKIM keys, DMARC and alignment, MX, MTA-STS, TLS-RPT, BIMI, PTR."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from severally.adapters.dns import NoAnswer, NoSuchName
from severally.app.preflight import dmarc
from severally.app.preflight.asking import (
    Asks,
    Check,
    failed,
    passed,
    tags_of,
    texts,
    unknown,
    warned,
)

_RSA_LEAST, _RSA_GOOD = 1024, 2048
"""RFC 8301 3.2: below 1024 verifiers take no signature; signers use 2048."""
_SILENT = "DNS gave no answer"
_LATER = "ask again later, or name another resolver in [preflight]"


async def dkim(asks: Asks, name: str, ours: str) -> Check:
    """The key published at `name` (`s1._domainkey.x.example`), against the record ours makes."""
    check = f"DKIM {name.partition('._domainkey.')[0]}"
    publish = f'{name} TXT "{ours}"'
    try:
        found = await texts(asks, name)
    except NoAnswer:
        return unknown(check, f"{_SILENT} about {name}", _LATER)
    if not found:
        return failed(check, f"no key is published at {name}", publish)
    if len(found) > 1:
        return failed(check, f"{name} has {len(found)} records; verifiers may take either", publish)
    theirs, wanted = tags_of(found[0]), tags_of(ours)
    if theirs.get("v", "DKIM1") != "DKIM1":
        return failed(check, f"the record at {name} is not of DKIM's form", publish)
    published = "".join(theirs.get("p", "").split())
    if not published:
        return failed(check, "the published key is revoked (p= is empty)", publish)
    if theirs.get("k", "rsa").lower() != wanted["k"]:
        return failed(check, f"a key of another kind is published (k={theirs.get('k')})", publish)
    if published != wanted["p"]:
        return failed(check, "the published key is not the one we sign with", publish)
    allowed = theirs.get("h", "sha256").lower().replace(" ", "").split(":")
    if "sha256" not in allowed:
        return failed(check, "the record forbids SHA-256 (h=)", publish)
    if "email" not in theirs.get("s", "*").replace("*", "email").split(":"):
        return failed(check, "the record is not for mail (s=)", publish)
    return _long_enough(check, published, theirs, publish)


def _long_enough(check: str, published: str, tags: dict[str, str], publish: str) -> Check:
    bits = rsa_bits(published) if tags.get("k", "rsa").lower() == "rsa" else 0
    if bits and bits < _RSA_LEAST:
        return failed(check, f"the key has {bits} bits, which no verifier takes", publish)
    if bits and bits < _RSA_GOOD:
        return warned(check, f"the key has {bits} bits", f"make one of {_RSA_GOOD}")
    if "y" in tags.get("t", "").split(":"):
        return warned(check, "the record says that it is a test (t=y)", publish)
    return passed(check, "published, and the key we sign with" + (f", {bits} bits" if bits else ""))


def rsa_bits(published: str) -> int:
    """The length of a published RSA key; 0 where it is none."""
    try:
        key = serialization.load_der_public_key(base64.b64decode(published))
    except (ValueError, binascii.Error):
        return 0
    return key.key_size if isinstance(key, RSAPublicKey) else 0


async def policy(
    asks: Asks, author: str, return_path: str, signing: Sequence[str]
) -> Iterator[Check]:
    """DMARC's record and what is aligned with the author's domain."""
    publish = f'_dmarc.{author} TXT "v=DMARC1; p=none; rua=mailto:dmarc@{author}"'
    try:
        found = await dmarc.in_force(asks, author)
        strict = found.tags if found else {}
        spf = await dmarc.aligned(asks, author, return_path, strict.get("aspf") == "s")
        adkim = strict.get("adkim") == "s"
        keys = [await dmarc.aligned(asks, author, domain, adkim) for domain in signing]
    except NoAnswer:
        return iter([unknown("DMARC", f"{_SILENT} about _dmarc.{author}", _LATER)])
    return iter([_policy(author, found, publish), _alignment(author, return_path, spf, any(keys))])


def _policy(author: str, found: dmarc.Dmarc | None, publish: str) -> Check:
    if found is None:
        return failed("DMARC", f"{author} publishes no DMARC record", publish)
    if found.several:
        return failed("DMARC", f"_dmarc.{found.domain} has several records, which is none", publish)
    given = found.tags.get("p", "").lower()
    if given not in dmarc.POLICIES:
        return failed("DMARC", f"p={given or ' is missing'}: there is no such policy", publish)
    if found.tags.get("rua", "mailto:").split(":")[0] != "mailto":
        return warned("DMARC", "rua= names no mailto address: no reports will come", publish)
    if given == "none":
        cure = f'when reports are clean: _dmarc.{found.domain} TXT "v=DMARC1; p=quarantine; ..."'
        return warned("DMARC", "the policy is none: forged mail is let in", cure)
    return passed("DMARC", f"the policy is {given}, by the record of {found.domain}")


def _alignment(author: str, return_path: str, spf: bool, dkim_: bool) -> Check:
    if spf and dkim_:
        return passed("alignment", f"return path and signature speak for {author}")
    if dkim_:
        return warned(
            "alignment", f"the return path's domain {return_path} does not speak for {author}",
            f"use a return path below {author}",
        )  # fmt: skip
    if spf:
        return warned(
            "alignment", f"no signature speaks for {author}", f"sign with a key of {author}"
        )
    cure = f"sign with a key of {author}, or use a return path below it"
    return failed("alignment", f"nothing that is authenticated speaks for {author}", cure)


async def exchangers(asks: Asks, domain: str) -> tuple[Check, tuple[str, ...]]:
    """Whether bounces have a way back; the hosts."""
    cure = f"{domain} MX 10 mail.{domain}."
    try:
        found = await asks.plain(domain, "MX")
    except NoSuchName:
        return failed("MX", f"the return path's domain {domain} does not exist", cure), ()
    except NoAnswer:
        return unknown("MX", f"{_SILENT} about {domain}", _LATER), ()
    hosts = tuple(each.partition(" ")[2] for each in sorted(found, key=_preference))
    if not hosts:
        return failed("MX", f"{domain} has no mail host: bounces would not come back", cure), ()
    if hosts == ("",):
        return failed("MX", f"{domain} says that it takes no mail (null MX)", cure), ()
    missing = [host for host in hosts if not await addresses(asks, host)]
    if missing:
        return failed("MX", f"{missing[0]} has no address", f"{missing[0]} A ADDRESS"), hosts
    return passed("MX", f"{len(hosts)} hosts take what comes back"), hosts


def _preference(record: str) -> int:
    number = record.partition(" ")[0]
    return int(number) if number.isdigit() else 0


async def addresses(asks: Asks, host: str) -> tuple[str, ...]:
    """IPv4 and IPv6; none where DNS says nothing."""
    found: list[str] = []
    for kind in ("A", "AAAA"):
        try:
            found += await asks.plain(host, kind)
        except (NoSuchName, NoAnswer):
            continue
    return tuple(found)


async def pointer(asks: Asks, address: str) -> Check:
    """PTR with a forward match, which Gmail, Yahoo and Microsoft ask of every sending address."""
    reverse = ipaddress.ip_address(address).reverse_pointer
    cure = f"{reverse} PTR mail.YOUR-DOMAIN., and an address record that leads back"
    try:
        names = await asks.plain(reverse, "PTR")
    except NoSuchName:
        names = ()
    except NoAnswer:
        return unknown("PTR", f"{_SILENT} about {address}", _LATER)
    if not names:
        return failed("PTR", f"{address} has no name", cure)
    for name in names:
        if address in await addresses(asks, name):
            return passed("PTR", f"{address} is {name}, and {name} is {address}")
    return failed("PTR", f"{address} is {names[0]}, which is another address", cure)


async def extras(asks: Asks, domain: str, author: str) -> list[Check]:
    """What nobody rejects for: MTA-STS, TLS-RPT and BIMI."""
    return [
        await _one(
            asks, "MTA-STS", f"_mta-sts.{domain}", "v=STSv1", "id", 'TXT "v=STSv1; id=20260101"'
        ),
        await _one(
            asks, "TLS-RPT", f"_smtp._tls.{domain}", "v=TLSRPTv1", "rua",
            f'TXT "v=TLSRPTv1; rua=mailto:tls@{domain}"',
        ),
        await _one(
            asks, "BIMI", f"default._bimi.{author}", "v=BIMI1", "l",
            f'TXT "v=BIMI1; l=https://{author}/logo.svg; a=https://{author}/mark.pem"',
        ),
    ]  # fmt: skip


async def _one(asks: Asks, check: str, name: str, version: str, tag: str, publish: str) -> Check:
    try:
        found = [text for text in await texts(asks, name) if text.startswith(version)]
    except NoAnswer:
        return unknown(check, f"{_SILENT} about {name}", _LATER)
    if not found:
        return warned(check, "is not published", f"{name} {publish}")
    if len(found) > 1:
        return warned(check, f"{name} has several records, which is none", f"{name} {publish}")
    if not tags_of(found[0]).get(tag):
        return warned(check, f"the record at {name} has no {tag}=", f"{name} {publish}")
    return passed(check, f"published at {name}")
