"""The world's domain name system: one authoritative server on loopback (RFC 1035, UDP).

Answers MX and A for the world's domains and hosts; nothing else exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

_TTL_S = 300


class Zone:
    """`exchangers`: domain -> name of its mail host, empty for a null MX (RFC 7505);
    `hosts`: name -> IPv4 address. All lower case, without a last dot."""

    def __init__(self, exchangers: Mapping[str, str], hosts: Mapping[str, str]) -> None:
        self._exchangers = dict(exchangers)
        self._hosts = dict(hosts)

    def answer(self, wire: bytes) -> bytes | None:
        """The reply to one query; None for what is no query."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if not query.question:
            return None
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        if name not in self._exchangers and name not in self._hosts:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            text = self._text(name, question.rdtype)
            if text is not None:
                found = dns.rrset.from_text(question.name, _TTL_S, "IN", question.rdtype, text)
                reply.answer.append(found)
        return reply.to_wire()

    def _text(self, name: str, kind: dns.rdatatype.RdataType) -> str | None:
        if kind == dns.rdatatype.MX and name in self._exchangers:
            host = self._exchangers[name]
            return f"10 {host}." if host else "0 ."
        if kind == dns.rdatatype.A:
            return self._hosts.get(name)
        return None


class Nameserver(asyncio.DatagramProtocol):
    """Serves one zone."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        self._transport = cast(asyncio.DatagramTransport, transport)  # uvloop's is no subclass

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """One query, one reply."""
        answer = self._zone.answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
