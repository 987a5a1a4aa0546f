"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463): relaxed headers, simple body.

The body is ours to the last byte (7 bit, short lines), so the simple canonicalisation, which
costs nothing, loses nothing.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from severally.model.sender import DkimKey

_PADDING, _HASH = padding.PKCS1v15(), hashes.SHA256()
Field = tuple[bytes, bytes]
"""Lower-case name; the whole field as it is signed (RFC 6376 3.4.2)."""


class Signer:
    """One key. `pem` is its private half, unencrypted PKCS#8 or PKCS#1."""

    def __init__(self, key: DkimKey, pem: bytes) -> None:
        self._private = serialization.load_pem_private_key(pem, None)
        self._head = (
            f"v=1; a={key.algorithm}; c=relaxed/simple;\r\n"
            f"\td={key.domain}; s={key.selector};\r\n\tt="
        ).encode()

    def header(self, fields: Sequence[Field], body_hash: bytes, second: int) -> bytes:
        """The DKIM-Signature field over `fields`; From is named once more than it stands."""
        names = tuple([name for name, _ in fields])
        value = b"%s%d;\r\n\th=%s;\r\n\tbh=%s;\r\n\tb=" % (
            self._head,
            second,
            _named(names),
            body_hash,
        )
        # Fields are taken from the bottom up (RFC 6376 5.4.2): each stands once here, and the
        # second From is the one that must not be there.
        signed = [relaxed for _, relaxed in fields]
        signed.insert(0, signed.pop(names.index(b"from")))
        data = b"".join([*signed, b"dkim-signature:", b" ".join(value.split())])
        return b"DKIM-Signature: " + value + _wrapped(base64.b64encode(self._sign(data))) + b"\r\n"

    def _sign(self, data: bytes) -> bytes:
        private = self._private
        if isinstance(private, RSAPrivateKey):
            return private.sign(data, _PADDING, _HASH)
        assert isinstance(private, Ed25519PrivateKey)
        return private.sign(hashlib.sha256(data).digest())  # RFC 8463 3


def signed(message: bytes, signers: Sequence[Signer], second: int) -> bytes:
    """The message with a signature of each signer, at `second` (Unix), before its own fields."""
    if not signers:
        return message
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [field(line) for line in head.replace(b"\r\n ", b" ").split(b"\r\n")]
    digest = body_hash(body)
    return b"".join([*(each.header(fields, digest, second) for each in signers), message])


@functools.lru_cache(maxsize=512)
def field(line: bytes) -> Field:
    """A field, unfolded and without its line end. Most of a mailing's are always the same."""
    name, _, value = line.partition(b":")
    name = name.lower()
    return name, b"%s:%s\r\n" % (name, b" ".join(value.split()))


def body_hash(body: bytes) -> bytes:
    """Base64 SHA-256 of a body; it counts as ending with exactly one CRLF."""
    if body.endswith(b"\r\n\r\n") or not body.endswith(b"\r\n"):
        body = body.rstrip(b"\r\n") + b"\r\n"
    return base64.b64encode(hashlib.sha256(body).digest())


@functools.lru_cache(maxsize=64)
def _named(names: tuple[bytes, ...]) -> bytes:
    return _folded(b":".join((b"from", *names)), b":")


def _folded(names: bytes, between: bytes) -> bytes:
    lines: list[bytes] = [b""]
    for name in names.split(between):
        if len(lines[-1]) + len(name) > 64:
            lines.append(b"")
        lines[-1] += name + between
    return b"\r\n\t ".join(lines)[: -len(between)]


def _wrapped(value: bytes) -> bytes:
    return b"\r\n\t ".join(value[i : i + 70] for i in range(0, len(value), 70))
