"""The guard's quick reading: what a message shares with those before it is recognised, not read.

Responsible for giving exactly what `reading` and `scan` would give, or nothing, and then they
are asked. It rests on one fact: line checks, quoted-printable and the change of line ends work
line by line, so a body cut anywhere between lines may be read piece by piece. Runs of lines
that the guard has read in full and found clean are compared byte for byte; every line that
is not in one is checked, decoded and handed on to be scanned, as is every chunk that a cut
between the two runs through.
"""

from __future__ import annotations

import binascii
import contextlib
import difflib
import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

from severally.guard.reading import (
    LONGEST,
    Message,
    Unreadable,
    boundary_of,
    checked,
    part_head,
    read_fields,
    unquoted,
)

Clean = Callable[[str, str], bool]
"""Whether nothing in this text, cut in this way, is to be accounted for."""
CUTS = {b"plain": "\n", b"html": "<"}
"""Where a part is cut into chunks for the scan."""
_MARK = b"\x1e"
"""Stands between what is decoded in one go; a message with one of its own is read in full."""
_LEAST = 48
"""Octets from which a run is worth looking for, and by which it is found."""
_LESSONS = 40
"""Messages at most from which one part of one locale is learned."""
_LOCALES = 200
"""Locales whose runs are remembered at most; those of further ones are read in full."""


class _Run(NamedTuple):
    """Whole lines that were the same in every message of this locale."""

    raw: bytes
    start: bytes
    plain: bytes
    """What they say, decoded."""
    fresh: bytes
    """The same without the chunks that lie within it as a whole, which are clean."""


class _Part:
    """The runs of one part; `undo` decodes whole lines and raises Unreadable."""

    def __init__(self, cut: str, undo: Callable[[bytes], bytes], clean: Clean) -> None:
        self._cut = cut
        self._undo = undo
        self._clean = clean
        self._runs: list[_Run] = []
        self._plain: list[bytes] = []
        self._fresh: list[bytes] = []
        self._lines: list[bytes | None] = []
        self._lessons = 0

    def read(self, body: bytes) -> tuple[bytes, str] | None:
        """Its text, and what of it is to be scanned; None where it is not as those before."""
        if not self._runs:
            return None
        loose = self._between(body)
        if loose is None:
            return None
        said = self._undo(_MARK.join(loose)).split(_MARK)
        if len(said) != len(loose):
            return None
        plain, fresh = self._plain.copy(), self._fresh.copy()
        plain[::2] = fresh[::2] = said
        return b"".join(plain), b"".join(fresh).decode()

    def _between(self, body: bytes) -> list[bytes] | None:
        """Whole lines, perhaps none, before, between and after the runs; None without them."""
        loose: list[bytes] = []
        at = 0
        for run in self._runs:
            found = body.find(run.start, at)
            while found >= 0 and not body.startswith(run.raw, found):
                found = body.find(run.start, found + 1)
            lines = body[at:found]
            if found < 0 or (lines and not lines.endswith(b"\r\n")):
                return None
            loose.append(lines)
            at = found + len(run.raw)
        if at < len(body) and not self._runs[-1].raw.endswith(b"\r\n"):
            return None
        loose.append(body[at:])
        return loose

    def learn(self, body: bytes) -> None:
        """Keep of the runs what stands in this body too, which the guard has read in full."""
        if self._lessons >= _LESSONS:
            return
        self._lessons += 1
        *whole, last = body.split(b"\r\n")
        lines: list[bytes | None] = [*(line + b"\r\n" for line in whole), *[last] * bool(last)]
        blocks = _shared(self._lines, lines) if self._lessons > 1 else [lines]
        raws = [b"".join(line for line in block if line is not None) for block in blocks]
        kept = [(raw, block) for raw, block in zip(raws, blocks, strict=True) if len(raw) >= _LEAST]
        self._runs = [self._run(raw) for raw, _ in kept]
        self._plain = _between_gaps([run.plain for run in self._runs])
        self._fresh = _between_gaps([run.fresh for run in self._runs])
        # None stands between two runs, so that none is ever found across the gap
        self._lines = [*itertools.chain.from_iterable([*block, None] for _, block in kept)]

    def _run(self, raw: bytes) -> _Run:
        plain = self._undo(raw)
        cut = self._cut.encode()
        first, last = plain.find(cut), plain.rfind(cut)
        within = plain[first + 1 : last]
        whole = first == last or not self._clean(within.decode(), self._cut)
        return _Run(raw, raw[:_LEAST], plain, plain if whole else plain[:first] + plain[last:])


def _between_gaps(runs: list[bytes]) -> list[bytes]:
    """The runs, with a place before, between and after them for what is read anew."""
    frame = [b""] * (2 * len(runs) + 1)
    frame[1::2] = runs
    return frame


def _shared(one: list[bytes | None], other: list[bytes | None]) -> list[list[bytes | None]]:
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
    return [one[a : a + size] for a, _, size in matcher.get_matching_blocks() if size]


class Familiar:
    """One mailing's memory. Forgetting is harmless: then a message is read in full."""

    def __init__(self, clean: Clean) -> None:
        self._clean = clean
        self._parts: dict[tuple[str, bytes], _Part] = {}

    def read(self, message: bytes, utf8_head: bool, locale: str) -> Message | None:
        """The message as `reading.read` reads it, or None where that one must be asked."""
        try:
            return self._read(message, utf8_head, locale)
        except (Unreadable, ValueError):
            return None

    def _read(self, message: bytes, utf8_head: bool, locale: str) -> Message | None:
        split = _split(message)
        if split is None:
            return None
        head, fields, parts = split
        checked(head, utf8_head)
        texts: list[tuple[bytes, str]] = []
        for kind, (part, encoding, body) in zip(CUTS, parts, strict=True):
            known = self._parts.get((locale, encoding + kind))
            if part != kind or known is None:
                return None
            said = known.read(_lines(encoding, body))
            if said is None:
                return None
            texts.append(said)
        (text, fresh_text), (html, fresh_html) = texts
        return Message(fields, text, html, fresh_text, fresh_html)

    def learn(self, message: bytes, locale: str) -> None:
        """Of a message that was read in full and passed every check."""
        with contextlib.suppress(Unreadable, ValueError):  # then it is not remembered
            self._learn(message, locale)

    def _learn(self, message: bytes, locale: str) -> None:
        split = _split(message)
        for kind, encoding, body in split.parts if split else ():
            known = self._parts.get((locale, encoding + kind))
            if known is None:
                if len(self._parts) >= 2 * _LOCALES:
                    return
                undo = unquoted_lines if encoding == b"quoted-printable" else unix_lines
                known = _Part(CUTS[kind], undo, self._clean)
                self._parts[locale, encoding + kind] = known
            known.learn(_lines(encoding, body))


Piece = tuple[bytes, bytes, bytes]
"""Kind, transfer encoding, encoded body without the line end before the delimiter."""


class _Split(NamedTuple):
    head: bytes
    fields: list[tuple[bytes, bytes]]
    parts: tuple[Piece, Piece]


def _split(message: bytes) -> _Split | None:
    """The head, not yet checked, and both parts; None where it is not built like that."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = read_fields(head)
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary_of(fields))
    if len(pieces) != 4 or pieces[0] or pieces[3] != b"--\r\n":
        return None
    return _Split(head, fields, (_piece(pieces[1]), _piece(pieces[2])))


def _piece(piece: bytes) -> Piece:
    end = piece.index(b"\r\n\r\n")
    kind, encoding = _checked_part_head(piece[:end])
    return kind, encoding, piece[end + 4 :]


@functools.lru_cache(maxsize=64)
def _checked_part_head(head: bytes) -> tuple[bytes, bytes]:
    if not head.startswith(b"\r\n"):
        raise Unreadable("a delimiter that goes on")
    return part_head(checked(head, utf8_head=False)[1:])


def _lines(encoding: bytes, body: bytes) -> bytes:
    """Lines that can be read one by one: those of the text where the encoding has none."""
    if encoding == b"quoted-printable":
        return body
    if encoding != b"base64":
        raise Unreadable("a part in an unusual encoding")
    flat = body.replace(b"\r\n", b"")  # whatever else is no base64 is refused by its decoder
    if any(len(line) > LONGEST for line in body.split(b"\r\n")):
        raise Unreadable("a line over 998 octets")
    return binascii.a2b_base64(flat, strict_mode=True)


def unquoted_lines(lines: bytes) -> bytes:
    """Whole lines of quoted-printable, checked and decoded."""
    return unquoted(checked(lines, utf8_head=False))


def unix_lines(lines: bytes) -> bytes:
    """Whole lines of decoded text."""
    return lines.replace(b"\r\n", b"\n")
