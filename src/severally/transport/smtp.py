"""The relay route: opening connections to one host, with TLS and AUTH."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from collections.abc import Callable
from typing import Literal

import msgspec

from severally.model.envelope import Sealed
from severally.model.lane import Lane
from severally.model.outcome import Reply
from severally.ports import ConnectFailed
from severally.transport.replies import kept
from severally.transport.smtp_connection import Lost, SmtpConnection, Timeouts

Tls = Literal["none", "offered", "starttls", "implicit"]
"""`offered`: by STARTTLS where the other side has it, in clear text where not (RFC 7435)."""
Inspect = Callable[[ssl.SSLObject], str]
"""What is wrong with a TLS session, or empty."""


class Relay(msgspec.Struct, frozen=True):
    """Where to and how. `password` is never shown. `ca_file` names a private authority.

    `tls_name` is what the certificate is checked for where `host` is an address.
    """

    host: str
    port: int
    tls: Tls = "none"
    username: str = ""
    password: str = ""
    ca_file: str = ""
    ehlo: str = ""
    source_ip: str = ""
    tls_name: str = ""

    def __repr__(self) -> str:
        return f"Relay({self.host!r}, {self.port}, tls={self.tls!r})"


def failed(code: int, text: str) -> ConnectFailed:
    """No connection, in words that may be shown."""
    return ConnectFailed(kept(Reply(code, "", text)))


class TlsFailed(ConnectFailed):
    """The other side is there, and TLS with it is not to be had."""


def no_tls(text: str, code: int = 0) -> TlsFailed:
    """No TLS, in words that may be shown."""
    return TlsFailed(kept(Reply(code, "", text)))


def tls_context(ca_file: str = "", verify: bool = True) -> ssl.SSLContext:
    """TLS 1.2 or later; the name is checked against the system's authorities or `ca_file`."""
    context = ssl.create_default_context(cafile=ca_file or None)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class SmtpTransport:
    """`ports.Transport` for a relay."""

    def __init__(self, relay: Relay, timeouts: Timeouts | None = None) -> None:
        self._relay = relay
        self._timeouts = timeouts or Timeouts()
        self._context = tls_context(relay.ca_file) if relay.tls != "none" else None

    def endpoint(self, lane: Lane) -> str:
        """All lanes share the relay's connections."""
        return f"{self._relay.host}:{self._relay.port}"

    async def connect(self, lane: Lane, first: Sealed) -> SmtpConnection:
        """Greeted, encrypted and signed in. Raises ConnectFailed."""
        return await open_connection(self._relay, self._context, self._timeouts)

    async def close(self) -> None:
        """Nothing is held between connections."""


async def open_connection(
    relay: Relay,
    context: ssl.SSLContext | None,
    timeouts: Timeouts,
    inspect: Inspect | None = None,
) -> SmtpConnection:
    """Connect, EHLO, TLS, AUTH. Raises ConnectFailed with what the other side said, or with
    what `inspect` finds wrong in the TLS session."""
    connection = await _socket(relay, context, timeouts)
    try:
        greeting = await connection.reply(timeouts.greeting)
        if greeting.code != 220:
            raise failed(greeting.code, greeting.text)
        await _ehlo(connection, relay)
        if relay.tls == "starttls" or (
            relay.tls == "offered" and "STARTTLS" in connection.extensions
        ):
            assert context is not None
            await _starttls(connection, relay, context)
            if inspect is not None and (wrong := inspect(_session(connection))):
                raise no_tls(wrong)
        if relay.username:
            await _sign_in(connection, relay)
    except Lost:
        await connection.close()
        raise failed(0, connection.why_lost) from None
    except ConnectFailed:
        await connection.close()  # the receiver counts it until then
        raise
    except BaseException:
        connection.transport.abort()
        raise
    return connection


async def _socket(
    relay: Relay, context: ssl.SSLContext | None, timeouts: Timeouts
) -> SmtpConnection:
    implicit = context if relay.tls == "implicit" else None
    try:
        async with asyncio.timeout(timeouts.connect):
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: SmtpConnection(timeouts),
                relay.host,
                relay.port,
                ssl=implicit,
                server_hostname=relay.host if implicit else None,
                local_addr=(relay.source_ip, 0) if relay.source_ip else None,
            )
    except TimeoutError:
        raise failed(0, f"{relay.host} did not answer in {timeouts.connect:g} s") from None
    except ssl.SSLError as error:
        raise failed(0, f"TLS with {relay.host} failed: {_reason(error)}") from None
    except OSError as error:
        raise failed(0, f"{relay.host}:{relay.port}: {error.strerror or error}") from None
    return connection


async def _ehlo(connection: SmtpConnection, relay: Relay) -> None:
    name = relay.ehlo or _own_name()
    reply = await connection.command(f"EHLO {name}\r\n".encode())
    if reply.code != 250:
        raise failed(reply.code, reply.text)
    connection.extensions = reply_extensions(connection)


def reply_extensions(connection: SmtpConnection) -> dict[str, str]:
    """Keywords of the last EHLO reply with their parameters, upper case."""
    extensions: dict[str, str] = {}
    for line in connection.last_lines[1:]:
        keyword, _, parameters = line.strip().partition(" ")
        extensions[keyword.upper()] = parameters
    return extensions


async def _starttls(connection: SmtpConnection, relay: Relay, context: ssl.SSLContext) -> None:
    if "STARTTLS" not in connection.extensions:
        raise no_tls(f"{relay.host} offers no STARTTLS, and plain text was not allowed")
    reply = await connection.command(b"STARTTLS\r\n")
    if reply.code != 220:
        raise no_tls(reply.text, reply.code)
    connection.forget_input()
    try:
        transport = await asyncio.get_running_loop().start_tls(
            connection.transport,
            connection,
            context,
            server_hostname=relay.tls_name or relay.host,
        )
    except ssl.SSLError as error:
        raise no_tls(f"TLS with {relay.host} failed: {_reason(error)}") from None
    except (OSError, ConnectionError):
        raise no_tls(f"{relay.host} ended the connection during TLS") from None
    assert transport is not None
    connection.connection_made(transport)
    await _ehlo(connection, relay)


def _session(connection: SmtpConnection) -> ssl.SSLObject:
    session = connection.transport.get_extra_info("ssl_object")
    assert isinstance(session, ssl.SSLObject)
    return session


async def _sign_in(connection: SmtpConnection, relay: Relay) -> None:
    """RFC 4954; PLAIN where offered, else LOGIN. Passwords travel encrypted or on loopback."""
    if relay.tls == "none" and relay.host not in ("127.0.0.1", "::1", "localhost"):
        raise failed(0, "a password is not sent without TLS; set tls to starttls or implicit")
    offered = connection.extensions.get("AUTH", "").upper().split()
    if "PLAIN" in offered:
        token = base64.b64encode(f"\0{relay.username}\0{relay.password}".encode())
        reply = await connection.command(b"AUTH PLAIN " + token + b"\r\n")
    elif "LOGIN" in offered:
        reply = await connection.command(b"AUTH LOGIN\r\n")
        for secret in (relay.username, relay.password):
            if reply.code == 334:
                reply = await connection.command(base64.b64encode(secret.encode()) + b"\r\n")
    else:
        raise failed(0, f"{relay.host} offers no AUTH PLAIN or LOGIN")
    if reply.code != 235:
        raise failed(reply.code, f"signing in was refused: {reply.text}")


def _reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({error.verify_message})"
    return (error.reason or "handshake failed").replace("_", " ").lower()


def _own_name() -> str:
    name = socket.getfqdn()
    return name if "." in name and name.isascii() and " " not in name else "[127.0.0.1]"
