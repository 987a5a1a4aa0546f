"""The SMTP submission server (RFC 6409): AUTH, STARTTLS, and the desk's answer after the dot."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import ssl
from collections.abc import Callable

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from severally.app.guarding.http import Doorkeeper, Taker
from severally.deliver.desk import Handed, Taken
from severally.guard.disclosure.smtp import disclosure
from severally.submit import draft as d
from severally.submit import smtp as reader

logging.getLogger("mail.log").setLevel(logging.ERROR)
"""aiosmtpd's own: at other levels it names peers, and warns of what it does itself."""
_CODES = {
    d.LEAK: "550 5.7.1",
    d.NOT_ALLOWED: "550 5.7.1",
    d.HALTED: "451 4.3.2",
    d.TROUBLE: "451 4.3.0",
}
_LINE = 400
"""A reply line has 512 octets at most (RFC 5321 4.5.3.1.5)."""


class Submission:
    """What aiosmtpd asks at each step. `taken` is called after something was kept."""

    def __init__(self, desk: Taker, host: str, taken: Callable[[], None]) -> None:
        self._desk = desk
        self._host = host
        self._taken = taken

    async def handle_MAIL(  # noqa: N802  (aiosmtpd calls it so)
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Nobody sends who did not sign in (RFC 6409 4.3)."""
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_DATA(  # noqa: N802  (aiosmtpd calls it so)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """The whole message is here."""
        result = await asyncio.to_thread(self._hand_in, envelope)
        if isinstance(result, Taken):
            self._taken()
            how = "held for an operator" if result.held else "taken"
            return f"250 2.0.0 {how} as {result.submission}"
        line = f"{_CODES.get(result.kind, '554 5.6.0')} {result.words}"
        return line.encode("ascii", "replace").decode()[:_LINE]

    def _hand_in(self, envelope: Envelope) -> Taken | d.Why:
        content, boxes = envelope.original_content or b"", tuple(envelope.rcpt_tos)
        sender = envelope.mail_from or ""
        now = email.utils.format_datetime(self._desk.moment())
        trace = f"Received: by {self._host} with ESMTPSA; {now}\r\n".encode()  # RFC 5321 4.4
        handed = Handed(
            reader.NAME,
            reader.CURE,
            lambda: disclosure(sender, boxes, content),
            lambda: reader.read(sender, boxes, trace + content),
        )
        return self._desk.hand_in(handed)


def submission_server(
    desk: Taker,
    door: Doorkeeper,
    host: str,
    most_bytes: int,
    tls: ssl.SSLContext | None,
    taken: Callable[[], None],
) -> Callable[[], asyncio.Protocol]:
    """What makes one connection's protocol. With `tls` nothing is said before STARTTLS."""

    def let_in(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, shown: object
    ) -> AuthResult:
        given = shown.password if isinstance(shown, LoginPassword) else b""
        let = door.lets_in(given.decode("utf-8", "surrogateescape"))
        return AuthResult(success=let, handled=False)

    def connection() -> asyncio.Protocol:
        protocol: asyncio.Protocol = SMTP(
            Submission(desk, host, taken),
            hostname=host,
            ident="Severally guard",
            data_size_limit=most_bytes,
            enable_SMTPUTF8=True,
            authenticator=let_in,
            auth_require_tls=tls is not None,
            tls_context=tls,
            require_starttls=tls is not None,
        )
        return protocol

    return connection
