"""MTA-STS (RFC 8461): the policy by which a domain says that its mail needs verified TLS.

Responsible for finding, fetching, reading and remembering policies. Not for holding to them:
that is the `mx` transport's.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import ssl
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from severally.adapters.dns import Dns, NoAnswer

_RECORD = re.compile(r"v=STSv1\s*;(?:.*;)?\s*id=([A-Za-z0-9]{1,32})\s*(?:;.*)?")
_MOST_BYTES = 64 * 1024
_LONGEST_S = 31_557_600
"""RFC 8461 3.2: max_age is a year at most."""
_FETCH_S = 60.0
"""RFC 8461 3.3 suggests a timeout of one minute."""
_FAILED_S = 300.0
"""RFC 8461 3.3: after a failed fetch, do not try again for five minutes."""


class Policy(msgspec.Struct, frozen=True):
    """What a domain asks for. `patterns` are the names of its mail hosts (`*.` one label);
    `until` is Unix seconds."""

    id: str
    mode: Literal["enforce", "testing", "none"]
    patterns: tuple[str, ...]
    until: float


class Policies(Protocol):
    """Where policies are remembered, beyond this process if it can."""

    def policy(self, domain: str) -> Policy | None: ...
    def keep_policy(self, domain: str, policy: Policy) -> None: ...


class Https(msgspec.Struct, frozen=True):
    """How policies are fetched: from port 443, and by the system's authorities or `ca_file`."""

    port: int = 443
    ca_file: str = ""


class StsReader:
    """Finds a domain's policy: by its TXT record's id, from memory or by HTTPS."""

    def __init__(
        self, dns: Dns, policies: Policies, now: Callable[[], float], https: Https | None = None
    ) -> None:
        self._dns = dns
        self._policies = policies
        self._now = now
        self._https = https or Https()
        self._failed: dict[str, float] = {}
        self._context: ssl.SSLContext | None = None

    async def policy(self, domain: str) -> Policy | None:
        """The policy in force, or None. Never fails: without a new one the last one holds."""
        now = self._now()
        known = self._policies.policy(domain)
        if known is not None and known.until <= now:
            known = None
        try:
            identity = record_id(await self._dns.texts(f"_mta-sts.{domain}"))
        except NoAnswer:
            return known
        if identity is None or (known is not None and known.id == identity):
            return known
        if self._failed.get(domain, 0.0) > now:
            return known
        fetched = await self._fetch(domain, identity, now)
        if fetched is None:
            self._failed[domain] = now + _FAILED_S
            return known
        self._policies.keep_policy(domain, fetched)
        return fetched

    async def _fetch(self, domain: str, identity: str, now: float) -> Policy | None:
        host = f"mta-sts.{domain}"
        try:
            addresses, _ = await self._dns.addresses(host)
        except NoAnswer:
            return None
        for address in addresses[:2]:
            try:
                text = await asyncio.to_thread(self._get, address, host)
            except (OSError, http.client.HTTPException):
                continue
            return read_policy(text, identity, now)
        return None

    def _get(self, address: str, host: str) -> str:
        """The policy's text. Redirects are not followed (RFC 8461 3.3). Raises OSError,
        HTTPException."""
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._https.ca_file or None)
        raw = socket.create_connection((address, self._https.port), _FETCH_S)
        with raw, self._context.wrap_socket(raw, server_hostname=host) as tls:
            connection = http.client.HTTPConnection(host)
            connection.sock = tls
            connection.request("GET", "/.well-known/mta-sts.txt", headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read(_MOST_BYTES + 1)
            if answer.status != 200 or len(body) > _MOST_BYTES:
                raise http.client.HTTPException(f"status {answer.status}")
            if answer.headers.get_content_type() != "text/plain":
                raise http.client.HTTPException("no text/plain")
        return body.decode("utf-8", "replace")


class RememberedPolicies:
    """`Policies` of this process alone."""

    def __init__(self) -> None:
        self._known: dict[str, Policy] = {}

    def policy(self, domain: str) -> Policy | None:
        """The last one, outdated or not."""
        return self._known.get(domain)

    def keep_policy(self, domain: str, policy: Policy) -> None:
        """In place of the last."""
        self._known[domain] = policy


def record_id(texts: tuple[str, ...]) -> str | None:
    """The id of the one valid record; None for none or several (RFC 8461 3.1)."""
    found = [text for text in texts if text.startswith("v=STSv1")]
    match = _RECORD.fullmatch(found[0].strip()) if len(found) == 1 else None
    return match[1] if match else None


def read_policy(text: str, identity: str, now: float) -> Policy | None:
    """A policy file, or None where it is not one (RFC 8461 3.2). The first of a repeated field
    counts, `mx` may stand many times."""
    fields: dict[str, str] = {}
    patterns: list[str] = []
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not colon:
            continue
        key, value = key.strip(), value.strip()
        if key == "mx":
            patterns.append(value.lower())
        else:
            fields.setdefault(key, value)
    mode, age = fields.get("mode", ""), fields.get("max_age", "")
    if fields.get("version") != "STSv1" or not re.fullmatch(r"[0-9]{1,10}", age):
        return None
    if mode not in ("enforce", "testing", "none") or (mode != "none" and not patterns):
        return None
    until = now + min(int(age), _LONGEST_S)
    return Policy(identity, _mode(mode), tuple(patterns), until)


def _mode(text: str) -> Literal["enforce", "testing", "none"]:
    return "enforce" if text == "enforce" else "testing" if text == "testing" else "none"
