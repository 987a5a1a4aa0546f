"""The listener for what comes back: LMTP or SMTP, into the spool before the reply says so.

Takes mail for the return paths and unsubscribe addresses it is told, tagged or not, and nothing
else: it relays for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from severally.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MOST_BYTES = 10 << 20
"""Reports bring back what was sent, which is small; this is for everything around it."""
LONGEST_LINE = 1 << 16
"""RFC 5321 4.5.3.1.6 lets 1,000 pass; what bounces is not always made by who read it."""
Write = Callable[[bytes, Sequence[str]], None]
"""Keep a message and the addresses it came to; on return it is on disk. Raises OSError."""


class _Smtp(SMTP):
    line_length_limit = LONGEST_LINE


class _Lmtp(LMTP):
    line_length_limit = LONGEST_LINE


class Door:
    """aiosmtpd's handler."""

    def __init__(self, addresses: Collection[str], write: Write) -> None:
        self._addresses = frozenset(address.lower() for address in addresses)
        self._write = write

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Ours, with or without a tag."""
        local, _, domain = address.lower().rpartition("@")
        if f"{local.partition('+')[0]}@{domain}" not in self._addresses:
            return "550 5.1.1 not an address that anything comes back to"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Said to be taken when it is on disk."""
        content = envelope.original_content or b""
        try:
            await asyncio.to_thread(self._write, content, list(envelope.rcpt_tos))
        except OSError:
            return "451 4.3.1 cannot be kept now; try again later"
        reply = "250 2.0.0 kept"
        if isinstance(server, LMTP):  # one reply for each recipient (RFC 2033 4.2)
            return "\r\n".join([reply] * len(envelope.rcpt_tos))
        return reply


@asynccontextmanager
async def listening(
    host: str, port: int, protocol: str, addresses: Collection[str], write: Write
) -> AsyncIterator[int]:
    """Listen until left; gives the port. Raises UsageError where it cannot."""
    door = Door(addresses, write)
    form = _Lmtp if protocol == "lmtp" else _Smtp

    def make() -> Any:
        return form(door, data_size_limit=MOST_BYTES, enable_SMTPUTF8=True, hostname="severally")

    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(make, host, port)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}:{port} for what comes back: {error.strerror or error}"
        ) from None
    async with server:
        yield server.sockets[0].getsockname()[1]
