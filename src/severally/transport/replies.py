"""SMTP replies from bytes (RFC 5321 4.2), and what of them may be kept."""

from __future__ import annotations

import functools
import re

from severally.model.outcome import Reply
from severally.model.wording import blotted

_MOST_LINE = 8 * 1024
_MOST_LINES = 100
_MOST_BYTES = 64 * 1024
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")
_PLAIN = re.compile(rb"[2-5][0-9]{2} [ -~]{0,200}")


class Garbage(Exception):
    """What came is not an SMTP reply, or has no end."""


class ReplyParser:
    """Feed it bytes, take replies out. Lines of one reply are joined by a space."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[str] = []
        self._size = 0
        self.last_lines: list[str] = []

    def feed(self, data: bytes) -> list[Reply]:
        """Whole replies, in order. Raises Garbage."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        replies: list[Reply] = []
        for line in lines:
            reply = self._line(line.rstrip(b"\r"))
            if reply is not None:
                replies.append(reply)
        if len(self._buffer) > _MOST_LINE:
            raise Garbage("a reply line without an end")
        return replies

    def _line(self, line: bytes) -> Reply | None:
        if not self._lines and line[3:4] == b" " and (alone := _alone(line)) is not None:
            self.last_lines = [alone.text]
            return alone
        self._size += len(line)
        if (
            len(line) < 3
            or not line[:3].isdigit()
            or line[3:4] not in (b" ", b"-", b"")
            or not b"200" <= line[:3] <= b"599"
        ):
            raise Garbage("a line that is not an SMTP reply")
        if len(self._lines) >= _MOST_LINES or self._size > _MOST_BYTES:
            raise Garbage("a reply without an end")
        self._lines.append(line[4:].decode("utf-8", "replace"))
        if line[3:4] == b"-":
            return None
        lines, self._lines, self._size = self._lines, [], 0
        self.last_lines = lines
        return Reply(int(line[:3]), *_split(lines))


@functools.lru_cache(maxsize=1024)
def _alone(line: bytes) -> Reply | None:
    """A reply of one plain line: receivers say the same few things again and again."""
    if _PLAIN.fullmatch(line) is None:
        return None
    return Reply(int(line[:3]), *_split([line[4:].decode("ascii")]))


def _split(lines: list[str]) -> tuple[str, str]:
    match = _ENHANCED.match(lines[0])
    return (match[1] if match else ""), " ".join(line.strip() for line in lines)


@functools.lru_cache(maxsize=1024)
def kept(reply: Reply) -> Reply:
    """The reply as it may be stored and shown: no address, no long token, 300 characters."""
    return Reply(reply.code, reply.enhanced, blotted(reply.text))
