"""Every '@' in a text, in whatever dress: plain, look-alike, percent, entity, base64, hex.

Text is examined in chunks, and a chunk found clean is remembered, so that what is the same
for everybody is examined once. A cut between chunks can hide nothing: each chunk must
account for every '@' in it by a whole allowed address, so half an address is never
accounted for; an escape (%40, &#64;) cannot stand across a cut, because HTML is cut at '<' and
'>' and plain text at line ends, which no escape holds; and the white space that URL readers
drop inside HTML is dropped here too.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import unicodedata
import urllib.parse
from collections.abc import Iterator

_EDGE = r"\s<>\"'(),:;\[\]\\|{}=&?#/*!"
_TOKEN = re.compile(f"[^@{_EDGE}]*@[^@{_EDGE}]*")
_SUSPECT = re.compile(
    "[@%&\uff20\ufe6b\u00ad\u200b-\u200d\u2060\ufeff]|[A-Za-z0-9+/_-]{16}|=[0-9A-F]{2}"
)
_SHORT = 16
"""Characters from which a word may hold an address in base64 or hexadecimal; see `_SUSPECT`."""
_DISGUISED = re.compile("[\uff20\ufe6b\uff0e\u3002\uff61\u00ad\u200b-\u200d\u2060\ufeff]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){8,}")
_QUOTED = re.compile(r"=([0-9A-F]{2})")
_PLAIN = re.compile(rb"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_READABLE = re.compile(rb"[\t\r\n -~]{6,}")
_ALONE = re.compile(r"[a-z0-9][a-z0-9._]{0,63}@[a-z0-9.-]{1,63}\.[a-z]{2,}")
_MAY_HIDE = re.compile("[A-Za-z0-9+/_-]{12}")
"""What neither `_BASE64` nor `_HEX` could match within an address that stands alone."""
_ROUNDS = 6
_AT_RULES = frozenset({"@media", "@font-face", "@supports", "@charset", "@import", "@page"})
"""CSS at-rules. An address has something before its '@', so none of these is one."""
NOT_ACCOUNTABLE = "@"
"""Stands for an '@' that cannot be read as an address at all."""


def addresses(chunk: str) -> frozenset[str]:
    """Every token with an '@' that somebody could read out of this text, lower case."""
    if _ALONE.fullmatch(chunk) is not None and _MAY_HIDE.search(chunk) is None:
        return frozenset((chunk,))
    if _plain_words(chunk) or _SUSPECT.search(chunk) is None:
        return frozenset()
    found: set[str] = set()
    for form in _forms(chunk):
        if "@" in form:
            found.update(_tokens(form))
        found.update(_encoded(form))
    return frozenset(found)


def _plain_words(chunk: str) -> bool:
    """Whether these are short ASCII words without any sign that `_SUSPECT` looks for."""
    return (
        chunk.isascii()
        and not ("@" in chunk or "%" in chunk or "&" in chunk or "=" in chunk)
        and max(map(len, chunk.split()), default=0) < _SHORT
    )


def _forms(chunk: str) -> Iterator[str]:
    """The text and all it can be decoded to, each reader's decoding upon the others'."""
    seen = {chunk}
    fresh = [chunk]
    for _ in range(_ROUNDS):
        following: list[str] = []
        for form in fresh:
            yield form
            following += [other for other in _decodings(form) if other not in seen]
            seen.update(following)
        fresh = following
        if not fresh:
            return
    yield NOT_ACCOUNTABLE  # still changing: nobody nests escapes so deep honestly


def _decodings(form: str) -> Iterator[str]:
    if "&" in form:
        yield html.unescape(form)
    if "%" in form:
        yield urllib.parse.unquote(form, errors="replace")
        if any(c in form for c in "\t\r\n"):
            yield urllib.parse.unquote(re.sub("[\t\r\n]", "", form), errors="replace")
    if _DISGUISED.search(form):
        yield _INVISIBLE.sub("", unicodedata.normalize("NFKC", form))
    if "=40" in form:
        yield _QUOTED.sub(lambda match: chr(int(match[1], 16)), form)


def _tokens(form: str) -> Iterator[str]:
    for match in _TOKEN.finditer(form):
        if match[0].lower() not in _AT_RULES:
            yield _trimmed(match[0].lower())


def _trimmed(token: str) -> str:
    """Without the punctuation of any script that stands around it in a sentence."""
    start, end = 0, len(token)
    while end > start and not token[end - 1].isalnum() and token[end - 1] != "@":
        end -= 1
    while start < end and not token[start].isalnum() and token[start] not in "@_+":
        start += 1
    return token[start:end]


def _encoded(form: str) -> Iterator[str]:
    """Addresses inside base64 (both alphabets, any alignment) and hexadecimal tokens."""
    for match in _HEX.finditer(form):
        yield from _inside(binascii.unhexlify(match[0]))
    for match in _BASE64.finditer(form):
        token = match[0].translate(_TO_STANDARD)
        for start in range(4):
            part = token[start : start + (len(token) - start) // 4 * 4 + 4]
            yield from _inside(base64.b64decode(part[: len(part) // 4 * 4]))
            rest = len(part) % 4
            if rest > 1:
                padded = part + "=" * (4 - rest)
                yield from _inside(base64.b64decode(padded))


_TO_STANDARD = str.maketrans("-_", "+/")


def _inside(data: bytes) -> Iterator[str]:
    """Addresses in what was decoded; where that is readable text, whatever it hides in turn."""
    if _READABLE.fullmatch(data):
        text = data.decode()
        yield from (each for each in addresses(text) if _PLAIN.fullmatch(each.encode()))
    elif b"@" in data:
        for match in _PLAIN.finditer(data):
            yield match[0].decode().lower()


class Scanner:
    """Scans whole parts, chunk by chunk. `harmless` are addresses that may stand anywhere.

    What it remembers is a pure function of the chunk and `harmless`; forgetting is harmless.
    """

    _MOST = 20_000

    def __init__(self, harmless: frozenset[str]) -> None:
        self._harmless = harmless
        self._clean: set[str] = set()

    def strangers(self, text: str, cut: str, learn: bool) -> frozenset[str]:
        """Tokens with an '@' beyond the harmless ones. `cut` is '<' for HTML, a line end for
        plain text. `learn`: remember clean chunks."""
        clean = self._clean
        chunks = [chunk for chunk in text.split(cut) if chunk not in clean]
        if not learn and _plain_words(" ".join(chunks)):
            return frozenset()  # as each of them would say of its own words
        found: set[str] = set()
        for chunk in chunks:
            found |= self._examined(chunk, cut, learn)
        return frozenset(found)

    def clean(self, text: str, cut: str) -> bool:
        """Whether there is nothing to account for in it, whoever it is shown to."""
        return not self.strangers(text, cut, learn=True)

    def _examined(self, chunk: str, cut: str, learn: bool) -> frozenset[str]:
        """A tag is the same for everybody even where the text after it is not."""
        pieces = chunk.split(">") if cut == "<" else [chunk]
        tokens: frozenset[str] = frozenset()
        for piece in pieces:
            if piece not in self._clean:
                tokens |= addresses(piece)
        tokens -= self._harmless
        if learn and not tokens and len(self._clean) < self._MOST:
            self._clean.update(pieces)
            self._clean.add(chunk)
        return tokens
