"""Values of typed variables: reading them into their one canonical text.

A value is refused where it could be anything else than what its type says: markup is not a
concern here (it is escaped where it lands), invisible direction and line characters are.
"""

from __future__ import annotations

import datetime as dt
import html
import re
import urllib.parse
from collections.abc import Collection
from decimal import Decimal, InvalidOperation

from severally.model.address import AddressError, parse_address
from severally.model.notice import ValueType

TEXT_MOST = 1_000
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ADDRESS_LIKE = re.compile(r"[^\s@]@[^\s@]")
_AT_SIGNS = re.compile("[\uff20\ufe6b]")
_ENCODED_AT = re.compile(r"%(?:25)*40|&(?:amp;)*(?:#0*64|#[xX]0*40|commat)", re.IGNORECASE)
_MONEY = re.compile(r"(-?[0-9]{1,18}(?:\.[0-9]{1,18})?) ([A-Z0-9]{2,10})")
_CODE = re.compile(r"[!-?A-~]{1,200}")


class ValueRefused(ValueError):
    """Why a text is not a value of its type. Never holds the text."""


def parse_value(type: ValueType, text: str) -> str:
    """The canonical text. Raises ValueRefused with the reason."""
    text = text.strip()
    if not text:
        raise ValueRefused("empty")
    refuse_unprintable(text)
    if type is ValueType.EMAIL:
        try:
            return str(parse_address(text))
        except AddressError as error:
            raise ValueRefused(str(error)) from None
    _refuse_addresses(text)
    return _READERS[type](text)


def refuse_unprintable(text: str) -> None:
    """Raises ValueRefused for what could end a line or turn the writing direction."""
    if _CONTROL.search(text):
        raise ValueRefused("a control character or line break")
    if _BIDI.search(text):
        raise ValueRefused("an invisible character that turns the writing direction")


def refuse_unlisted(url: str, hosts: Collection[str]) -> None:
    """Raises ValueRefused for a link (canonical) that leads to none of these hosts."""
    if (urllib.parse.urlsplit(url).hostname or "") not in hosts:
        raise ValueRefused("a link to a host that link_hosts does not list")


def _refuse_addresses(text: str) -> None:
    """An address in a value would show one person to another."""
    if _ENCODED_AT.search(text) or _AT_SIGNS.search(text):
        raise ValueRefused("an '@' in disguise")
    if "@" in text and _ADDRESS_LIKE.search(html.unescape(text)):
        raise ValueRefused("something like a mail address; only a variable of type email has one")


def _text(text: str) -> str:
    if len(text) > TEXT_MOST:
        raise ValueRefused(f"more than {TEXT_MOST:,} characters")
    return text


def _integer(text: str) -> str:
    if re.fullmatch(r"[+-]?[0-9]{1,30}", text) is None:
        raise ValueRefused("not a whole number (write 1234567)")
    return str(int(text))


def _decimal(text: str) -> str:
    if re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", text) is None:
        raise ValueRefused("not a decimal number (write 1234.5)")
    try:
        return f"{Decimal(text):f}"
    except InvalidOperation:
        raise ValueRefused("not a decimal number (write 1234.5)") from None


def _money(text: str) -> str:
    match = _MONEY.fullmatch(text)
    if match is None or not any(c.isalpha() for c in match[2]):
        raise ValueRefused("not an amount (write 12.50 USD)")
    amount = _decimal(match[1])
    return f"{amount} {match[2]}"


def _date(text: str) -> str:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueRefused("not a date (write 2026-12-01)")


def _datetime(text: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or "T" not in text.upper():
        raise ValueRefused("not a moment in RFC 3339 (write 2026-12-01T12:00:00Z)")
    try:
        utc = moment.astimezone(dt.UTC)
    except OverflowError:
        raise ValueRefused("a moment out of range") from None
    return utc.isoformat(timespec="seconds").replace("+00:00", "Z")


def _url(text: str) -> str:
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueRefused("not a link") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueRefused("not a link that begins with https:// or http://")
    if "@" in urllib.parse.unquote(text) or any(c in text for c in " <>\"'`\\"):
        raise ValueRefused("an '@', a quote or a space in a link")
    try:
        host = parts.hostname.encode("idna").decode()
    except UnicodeError:
        raise ValueRefused("a link with an invalid host") from None
    authority = host if port is None else f"{host}:{port}"
    path = urllib.parse.quote(parts.path, safe="/%:;=+,!$&()*-._~")
    return urllib.parse.urlunsplit((parts.scheme, authority, path, parts.query, parts.fragment))


def _code(text: str) -> str:
    if _CODE.fullmatch(text) is None:
        raise ValueRefused("not a code (printable ASCII without spaces or '@', at most 200)")
    return text


_READERS = {
    ValueType.TEXT: _text,
    ValueType.INTEGER: _integer,
    ValueType.DECIMAL: _decimal,
    ValueType.MONEY: _money,
    ValueType.DATE: _date,
    ValueType.DATETIME: _datetime,
    ValueType.URL: _url,
    ValueType.CODE: _code,
}
