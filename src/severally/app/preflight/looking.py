"""Everything about one sender and the way it goes out, in the order a person mends it."""

from __future__ import annotations

import asyncio
import ipaddress
import smtplib
import ssl
from collections.abc import Callable, Sequence

import msgspec

from severally.app.preflight import bulk, records, spf
from severally.app.preflight.asking import Asks, Check, Result, failed, passed, unknown, warned

_SMTP_S = 10.0


class Facts(msgspec.Struct, frozen=True):
    """What is looked at. `keys` maps DKIM names (`s1._domainkey.x.example`) to the record of the
    key we sign with; `addresses` are those the route sends from, as far as they are known;
    `marketing`: with or without a one-click address, None where the notice needs none."""

    author: str
    return_path: str
    keys: dict[str, str]
    addresses: tuple[str, ...]
    marketing: bool | None = None


Probe = Callable[[str], str]
"""A mail host to what is wrong with its TLS, or nothing."""


async def look(asks: Asks, facts: Facts, probe: Probe) -> list[Check]:
    """Every check, the receivers' own rules last."""
    author = facts.author.rpartition("@")[2]
    back = facts.return_path.rpartition("@")[2]
    signing = [name.partition("._domainkey.")[2] for name in facts.keys]
    checks = list(await _spf(asks, facts, back))
    checks += [await records.dkim(asks, name, ours) for name, ours in facts.keys.items()]
    if not facts.keys:
        cure = "write dkim = [{ domain, selector, key_file }] for the sender"
        checks.append(failed("DKIM", "the sender signs nothing", cure))
    checks += await records.policy(asks, author, back, signing)
    checks += await _pointers(asks, facts.addresses)
    exchangers, hosts = await records.exchangers(asks, back)
    checks.append(exchangers)
    if hosts and exchangers.result is Result.PASS:
        checks.append(await _tls(hosts, probe))
    checks += await records.extras(asks, back, author)
    if facts.marketing is not None:
        checks.append(_one_click(facts.marketing))
    return [*checks, *bulk.judged(checks)]


async def _spf(asks: Asks, facts: Facts, domain: str) -> list[Check]:
    if not facts.addresses:
        why = "the addresses that the route sends from are not known"
        return [unknown("SPF", why, "write [preflight] addresses")]
    found = [
        (address, await spf.check_host(asks, address, domain, facts.return_path))
        for address in facts.addresses
    ]
    return [_spf_check(domain, address, one) for address, one in found]


def _spf_check(domain: str, address: str, found: spf.Spf) -> Check:
    version = ipaddress.ip_address(address).version
    publish = f'{domain} TXT "v=spf1 ip{version}:{address} -all"'
    if found.result is spf.Result.PASS:
        return passed("SPF", f"{address} may send for {domain}; {found.lookups} look-ups of 10")
    if found.result is spf.Result.NONE:
        return failed("SPF", f"{domain} publishes no SPF record", publish)
    if found.result is spf.Result.PERMERROR:
        return failed("SPF", found.why, "mend the record: " + publish)
    if found.result is spf.Result.TEMPERROR:
        return unknown("SPF", found.why)
    why = f"{domain} does not name {address}, which the route sends from ({found.result.value})"
    return failed("SPF", why, f"add ip{version}:{address} to the record of {domain}")


async def _pointers(asks: Asks, addresses: Sequence[str]) -> list[Check]:
    if not addresses:
        return [unknown("PTR", "the addresses that the route sends from are not known")]
    return [await records.pointer(asks, address) for address in addresses]


async def _tls(hosts: Sequence[str], probe: Probe) -> Check:
    problem = await asyncio.to_thread(probe, hosts[0])
    if problem:
        return warned("TLS", f"{hosts[0]}: {problem}", "give the mail host STARTTLS")
    return passed("TLS", f"{hosts[0]} speaks TLS with a certificate in its name")


def _one_click(there: bool) -> Check:
    if there:
        return passed("one-click", "marketing can be unsubscribed from by one click (RFC 8058)")
    cure = "set unsubscribe_url for the sender"
    return failed("one-click", "marketing has no unsubscribe_url (RFC 8058)", cure)


def smtp_tls(host: str, port: int = 25) -> str:
    """What is wrong with STARTTLS there, looked at over SMTP; nothing where it is sound."""
    try:
        with smtplib.SMTP(host, port, timeout=_SMTP_S) as client:
            client.ehlo()
            if not client.has_extn("starttls"):
                return "does not offer STARTTLS"
            client.starttls(context=ssl.create_default_context())
            return ""
    except ssl.SSLError as error:
        return f"its certificate does not hold ({error.reason})"
    except (OSError, smtplib.SMTPException) as error:
        return f"could not be spoken to ({type(error).__name__})"
