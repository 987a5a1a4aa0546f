"""Which receiving provider a domain belongs to: by a table, or by its mail hosts."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources

import msgspec

from severally.model.destination import Located

OTHER = "other"


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of receivers.toml; see there."""

    id: str
    source: str
    mail_hosts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    by_domain: bool = False


@functools.cache
def shipped_providers() -> tuple[Provider, ...]:
    """The providers that come with the program."""
    text = (resources.files("severally.adapters") / "receivers.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["provider"], tuple[Provider, ...])


class _Domains:
    """Domain -> receiver, exact or by its first label (`yahoo.*`)."""

    def __init__(self) -> None:
        self._exact: dict[str, str] = {}
        self._any_tld: dict[str, str] = {}

    def add(self, domain: str, receiver: str) -> None:
        if domain.endswith(".*"):
            self._any_tld[domain[:-2]] = receiver
        else:
            self._exact[domain] = receiver

    def get(self, domain: str) -> str | None:
        return self._exact.get(domain) or self._any_tld.get(domain.split(".", 1)[0])


class DomainTable:
    """`ports.Resolver` without DNS, for routes whose relay knows its way: a domain in no
    table is `other`. `extra` (domain -> receiver) goes before the shipped table."""

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        self._domains = _Domains()
        for provider in shipped_providers():
            for domain in provider.domains:
                self._domains.add(domain, provider.id)
        for domain, receiver in (extra or {}).items():
            self._domains.add(domain, receiver)

    def locate(self, domains: Sequence[str]) -> Mapping[str, Located]:
        """Every domain's receiver."""
        return {domain: Located(self._domains.get(domain) or OTHER) for domain in domains}


class Grouping:
    """Receivers from mail hosts. `extra` goes first: domains (`partner.example`), or endings
    of mail hosts' names (`.mx.partner.example`), to the receiver's id."""

    def __init__(self, extra: Mapping[str, str] | None = None) -> None:
        self._domains = _Domains()
        self._endings: dict[str, str] = {}
        for provider in shipped_providers():
            self._endings.update(dict.fromkeys(provider.mail_hosts, provider.id))
            if provider.by_domain:
                for domain in provider.domains:
                    self._domains.add(domain, provider.id)
        for name, receiver in (extra or {}).items():
            if name.startswith("."):
                self._endings[name] = receiver
            else:
                self._domains.add(name, receiver)

    def receiver(self, domain: str, hosts: Sequence[str]) -> str:
        """The provider that all hosts belong to; else a name made of the hosts themselves, the
        same for the same set."""
        named = self._domains.get(domain)
        if named is not None:
            return named
        owners = {self._owner(host) for host in hosts}
        owner = owners.pop() if len(owners) == 1 else None
        return owner or site_of(hosts)

    def _owner(self, host: str) -> str | None:
        labels = host.split(".")
        endings = (f".{'.'.join(labels[at:])}" for at in range(len(labels)))
        return next((self._endings[each] for each in endings if each in self._endings), None)


def site_of(hosts: Sequence[str]) -> str:
    """One name for a set of mail hosts: its first, marked where there are more."""
    names = sorted(set(hosts))
    if len(names) == 1:
        return names[0]
    mark = hashlib.sha256(" ".join(names).encode()).hexdigest()[:8]
    return f"{names[0]}+{mark}"
