"""`check --sender`: what receivers will look at, looked at first; and the refusal of a live mailing
that a receiver in its audience would reject."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable

from severally.adapters.dns import Dns, NoAnswer, NoSuchName
from severally.app.office import Office
from severally.app.operations import drafts
from severally.app.operations.feedback_results import CheckLine, SenderCheck
from severally.app.operations.sentinels import key_records
from severally.app.preflight import bulk
from severally.app.preflight.asking import Asks, Check, Result, unknown
from severally.app.preflight.looking import Facts, look, smtp_tls
from severally.app.sections import MxRoute, SmtpRoute
from severally.model.errors import Finding, Refused
from severally.model.notice import Kind
from severally.model.sender import Sender

_QUESTION_S = 4.0
_RESERVED = (".example", ".test", ".invalid", ".localhost")


def check_sender(office: Office, name: str, route: str | None) -> SenderCheck:
    """Everything that is looked at. Raises Refused where the sender's own settings are wrong."""
    findings: list[Finding] = []
    sender = drafts.sender_named(office, name, findings)
    if sender is None:
        raise Refused(f"the sender {name} cannot be looked at", findings)
    marketing = True if sender.unsubscribe_url else None
    checks = _looked_at(office, sender, office.workspace.choose_route(route), marketing)
    return SenderCheck(name, tuple(_line(check) for check in checks))


def _line(check: Check) -> CheckLine:
    return CheckLine(check.name, check.result.value, check.why, check.cure)


def refuse_rejected(
    office: Office, sender: Sender, kind: Kind, route: str, receivers: Iterable[str]
) -> None:
    """Raises Refused where a receiver of this audience rejects for what its records say now.

    What DNS does not answer stops nobody.
    """
    at = set(receivers) & {rule.receiver for rule in bulk.RULES}
    if not at:
        return
    marketing = bool(sender.unsubscribe_url) if kind is Kind.MARKETING else None
    checks = _looked_at(office, sender, route, marketing)
    if labels := bulk.rejecting(checks, at):
        raise Refused(
            f"{' and '.join(labels)} would reject this mailing; nobody was mailed",
            [Finding(c.name, c.why, c.cure) for c in checks if c.result is Result.FAIL],
        )


def _looked_at(office: Office, sender: Sender, route: str, marketing: bool | None) -> list[Check]:
    settings = office.workspace.preflight
    domain = sender.address.rpartition("@")[2]
    if not settings.resolver and domain.endswith(_RESERVED):
        why = f"{domain} is a reserved name, which nobody can look up (RFC 2606)"
        return [unknown("DNS", why, "use a domain of yours, or a resolver that knows it")]
    resolver = settings.resolver or _resolver_of(office, route)
    facts = Facts(
        sender.address,
        sender.return_path,
        {name: value.decode() for name, value in key_records(office, sender).items()},
        settings.addresses or _addresses_of(office, route),
        marketing,
    )
    return asyncio.run(_look(resolver, facts, settings.smtp_port))


async def _look(resolver: str, facts: Facts, port: int) -> list[Check]:
    dns: Asks = Dns(resolver, _QUESTION_S)
    author = facts.author.rpartition("@")[2]
    try:
        await dns.plain(author, "TXT")
    except NoSuchName:
        pass
    except NoAnswer:
        return [unknown("DNS", f"no answer about {author}", "name a resolver in [preflight]")]
    return await look(dns, facts, lambda host: smtp_tls(host, port))


def _resolver_of(office: Office, route: str) -> str:
    settings = office.workspace.routes[route]
    return settings.resolver if isinstance(settings, MxRoute) else ""


def _addresses_of(office: Office, route: str) -> tuple[str, ...]:
    """Of a direct route its own address, of a relay the relay's; none that only we can see."""
    settings = office.workspace.routes[route]
    if isinstance(settings, MxRoute):
        found = [settings.source_ip] if settings.source_ip else []
    elif isinstance(settings, SmtpRoute):
        found = _hosts(settings.host)
    else:
        found = []
    return tuple(each for each in found if ipaddress.ip_address(each).is_global)


def _hosts(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(place[0]).partition("%")[0] for *_, place in found})
