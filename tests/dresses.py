"""The dresses an address can wear: whatever some reader turns back into it."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Callable


def qp_all(text: str) -> str:
    return "".join(f"={byte:02X}" for byte in text.encode())


DRESSES: dict[str, Callable[[str], str]] = {
    "plain": lambda a: a,
    "upper case": str.upper,
    "in brackets": lambda a: f"<{a}>",
    "mailto": lambda a: f"mailto:{a}",
    "display name": lambda a: f'"Eve" <{a}>',
    "percent": lambda a: a.replace("@", "%40"),
    "percent all": lambda a: "".join(f"%{byte:02x}" for byte in a.encode()),
    "percent twice": lambda a: a.replace("@", "%2540"),
    "entity decimal": lambda a: a.replace("@", "&#64;"),
    "entity decimal padded": lambda a: a.replace("@", "&#0000064"),
    "entity hex": lambda a: a.replace("@", "&#x40;"),
    "entity named": lambda a: a.replace("@", "&commat;"),
    "entity all": lambda a: "".join(f"&#{ord(c)};" for c in a),
    "entity in entity": lambda a: a.replace("@", "&amp;#64;"),
    "percent in entity": lambda a: a.replace("@", "&#37;40"),
    "entity in percent": lambda a: a.replace("@", urllib.parse.quote("&#64;")),
    "fullwidth at": lambda a: a.replace("@", "\uff20"),
    "small at": lambda a: a.replace("@", "\ufe6b"),
    "fullwidth all": lambda a: "".join(chr(ord(c) + 0xFEE0) for c in a),
    "zero width": lambda a: "\u200b".join(a),
    "soft hyphens": lambda a: "\u00ad".join(a),
    "base64": lambda a: base64.b64encode(a.encode()).decode(),
    "base64 of more": lambda a: base64.b64encode(b"to=" + a.encode() + b";x=1").decode(),
    "base64 offset 1": lambda a: base64.b64encode(b"~" + a.encode()).decode(),
    "base64 offset 2": lambda a: base64.b64encode(b"~~" + a.encode()).decode(),
    "base64 unpadded": lambda a: base64.b64encode(a.encode() + b"~").decode().rstrip("="),
    "base64 url": lambda a: base64.urlsafe_b64encode(b"\xfb\xff" + a.encode()).decode(),
    "base64 in a query": lambda a: f"?u={base64.urlsafe_b64encode(a.encode()).decode()}&v=1",
    "base64 twice": lambda a: base64.b64encode(base64.b64encode(a.encode())).decode(),
    "percent in base64": lambda a: base64.b64encode(a.replace("@", "%40").encode()).decode(),
    "hex in base64": lambda a: base64.b64encode(a.encode().hex().encode()).decode(),
    "base64 in hex": lambda a: base64.b64encode(a.encode()).hex(),
    "base64 in percent": lambda a: urllib.parse.quote(
        base64.b64encode(a.encode() + b"\xff").decode()
    ),
    "hex": lambda a: a.encode().hex(),
    "hex upper": lambda a: a.encode().hex().upper(),
    "quoted-printable inside": lambda a: a.replace("@", "=40"),
    "quoted-printable all": qp_all,
    "encoded word": lambda a: f"=?utf-8?b?{base64.b64encode(a.encode()).decode()}?=",
    "encoded word q": lambda a: f"=?utf-8?q?{qp_all(a)}?=",
}
HEADER_DRESSES: dict[str, Callable[[str], str]] = {
    "plain": lambda a: a,
    "encoded word b": lambda a: f"=?utf-8?b?{base64.b64encode(a.encode()).decode()}?=",
    "encoded word q": lambda a: f"=?us-ascii?q?{qp_all(a)}?=",
    "two encoded words": lambda a: (
        f"=?utf-8?q?{qp_all(a[:9])}?=\r\n"
        + f" =?UTF-8*en?B?{base64.b64encode(a[9:].encode()).decode()}?="
    ),
    "percent": lambda a: a.replace("@", "%40"),
    "extended parameter": lambda a: "utf-8''" + a.replace("@", "%40"),
    "utf-16 word": lambda a: f"=?utf-16?b?{base64.b64encode(a.encode('utf-16')).decode()}?=",
}
