"""What of somebody else's words may be kept: no address, no long token, not without end."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s<>\"(),:;]*@[^\s<>\"(),:;]*")
"""An '@' and whatever stands around it: a quoted local part ends in a quotation mark."""
_LONG = re.compile(r"[^\s]{40,}")
_SITE = re.compile(r"https?://[A-Za-z0-9.-]{1,60}/")
_KEPT = 300


def blotted(text: str) -> str:
    """The text as it may be stored and shown: addresses and long tokens out, 300 characters."""
    if "@" in text:
        text = _ADDRESS.sub("[address]", text)
    text = _LONG.sub(_site, text)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text[:_KEPT]


def _site(token: re.Match[str]) -> str:
    """Nothing of a long token, but for the site of a link: it tells whose list refuses us."""
    site = _SITE.match(token[0])
    return f"{site[0]}[...]" if site else "[...]"
