"""A name server of the tests' own: any record, answers that count as authenticated, and faults.

UDP and TCP on one free port of loopback, in a thread. Written with dnspython's messages and
nothing of `src/`.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections import Counter
from typing import Self, cast

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


class Nameserver:
    """`with Nameserver() as server:` answers at `server.address` until the block ends.

    Names are lower case without a last dot. `silent` never get an answer, `failing` get
    SERVFAIL, `secure` answers carry the AD bit as a validating resolver sets it.
    """

    def __init__(self) -> None:
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self.secure: set[str] = set()
        self.asked: Counter[str] = Counter()
        self.port = 0
        self._records: dict[str, dict[str, list[str]]] = {}
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True, name="nameserver")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self, name: str, kind: str, *data: str) -> None:
        """Records of this name, in place of those it had of the kind."""
        self._records.setdefault(name, {})[kind] = list(data)

    def records(self, name: str, kind: str) -> list[str]:
        """What `add` was given for it."""
        return self._records.get(name.lower(), {}).get(kind, [])

    def mail(self, domain: str, **hosts: str) -> None:
        """The domain's mail hosts, `mx1="127.0.0.2"`, all of one preference."""
        names = {f"{label}.{domain}": address for label, address in hosts.items()}
        self.add(domain, "MX", *(f"10 {name}." for name in names))
        for name, address in names.items():
            self.add(name, "A", address)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def answer(self, wire: bytes, room: int = 65_535) -> bytes | None:
        """The reply to one query, cut where it has no room; None for those who get none."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[f"{kind} {name}"] += 1
        if name in self.silent:
            return None
        reply = dns.message.make_response(query, recursion_available=True)
        if name in self.failing:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name not in self._records:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif data := self._records[name].get(kind):
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *data))
        if name in self.secure and query.flags & dns.flags.AD:
            reply.flags |= dns.flags.AD
        whole = reply.to_wire()
        if len(whole) <= room:
            return whole
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            self._loop.close()

    async def _listen(self) -> None:
        self._stop = asyncio.Event()
        tcp = await asyncio.start_server(self._over_tcp, "127.0.0.1", 0)
        self.port = tcp.sockets[0].getsockname()[1]
        udp, _ = await self._loop.create_datagram_endpoint(
            lambda: _Datagrams(self), ("127.0.0.1", self.port)
        )
        self._ready.set()
        await self._stop.wait()
        udp.close()
        tcp.close()
        await asyncio.sleep(0)

    async def _over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (size,) = struct.unpack("!H", await reader.readexactly(2))
        answer = self.answer(await reader.readexactly(size))
        if answer is not None:
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Nameserver) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        answer = self._server.answer(data, 1232)
        if answer is not None:
            self._transport.sendto(answer, addr)
