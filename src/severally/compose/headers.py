"""Header fields: encoding and folding (RFC 5322, RFC 2047). Nothing with a line break passes."""

from __future__ import annotations

import base64
import functools
import re
import time

from severally.model.errors import ComposeError

_BREAKS = re.compile("[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_WORD_BYTES = 45
"""An encoded word is 75 characters at most (RFC 2047 2): 12 of frame, 60 of base64."""
_LINE = 76


def checked(name: str, value: str) -> str:
    """The value, or ComposeError where it could end the line it stands in."""
    if _BREAKS.search(value):
        raise ComposeError(f"the {name} header would hold a line break or a control character")
    return value


def text_header(name: str, value: str) -> bytes:
    """An unstructured field such as Subject, folded at 76."""
    checked(name, value)
    if value.isascii() and "=?" not in value and value == " ".join(value.split()):
        folded = _fold(f"{name}: ", value)
        if folded is not None:
            return folded
    return f"{name}: ".encode() + _words(value, len(name) + 2) + b"\r\n"


def phrase(value: str) -> bytes:
    """A display name: atoms, a quoted string, or encoded words. Always one phrase."""
    checked("display name", value)
    if not value.isascii() or "=?" in value:
        return _words(value, 20)
    if _ATOMS.fullmatch(value) and value == " ".join(value.split()):
        return value.encode()
    return b'"' + re.sub(r'(["\\])', r"\\\1", value).encode() + b'"'


def _fold(start: str, value: str) -> bytes | None:
    """At spaces; None where a word is too long to be folded."""
    lines, line = [], start
    for index, word in enumerate(value.split(" ")):
        piece = word if index == 0 else f" {word}"
        if len(line) + len(piece) > _LINE and line.strip():
            if index == 0:
                return None
            lines.append(line)
            line = piece
        else:
            line += piece
        if len(line) > _LINE:
            return None
    lines.append(line)
    return "\r\n".join(lines).encode() + b"\r\n"


def _words(value: str, used: int) -> bytes:
    """Encoded words of whole characters, one a line."""
    words: list[bytes] = []
    chunk = b""
    room = min(_WORD_BYTES, max(15, (_LINE - used - 12) // 4 * 3))
    for character in value:
        encoded = character.encode("utf-8", "surrogatepass")
        if len(chunk) + len(encoded) > room:
            words.append(chunk)
            chunk, room = b"", _WORD_BYTES
        chunk += encoded
    words.append(chunk)
    return b"\r\n ".join(b"=?utf-8?b?" + base64.b64encode(word) + b"?=" for word in words)


@functools.lru_cache(maxsize=1024)
def date_header(second: int) -> bytes:
    """RFC 5322 3.3, in UTC, whatever the locale of the machine."""
    t = time.gmtime(second)
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[t.tm_wday]
    month = "JanFebMarAprMayJunJulAugSepOctNovDec"[3 * t.tm_mon - 3 : 3 * t.tm_mon]
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    return f"Date: {day}, {t.tm_mday:02} {month} {t.tm_year} {clock} +0000\r\n".encode()
