"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463): relaxed headers, simple body.

The body is ours to the last byte (7 bit, short lines), so the simple canonicalisation, which
costs nothing, loses nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from severally.model.sender import DkimKey

Field = tuple[bytes, bytes]
"""Lower-case name; value as it stands in the message, folds included."""


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
        names = b":".join([b"from", *(name for name, _ in fields)])
        value = b"%s%d;\r\n\th=%s;\r\n\tbh=%s;\r\n\tb=" % (
            self._head,
            second,
            _folded(names, b":"),
            body_hash,
        )
        # Fields are taken from the bottom up (RFC 6376 5.4.2): each stands once here, and the
        # second From is the one that must not be there.
        signed = [b"%s:%s\r\n" % (name, b" ".join(text.split())) for name, text in fields]
        from_first = next(i for i, (name, _) in enumerate(fields) if name == b"from")
        ordered = [signed[from_first], *signed[:from_first], *signed[from_first + 1 :]]
        data = b"".join([*ordered, b"dkim-signature:", b" ".join(value.split())])
        return b"DKIM-Signature: " + value + _wrapped(base64.b64encode(self._sign(data))) + b"\r\n"

    def _sign(self, data: bytes) -> bytes:
        private = self._private
        if isinstance(private, RSAPrivateKey):
            return private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        assert isinstance(private, Ed25519PrivateKey)
        return private.sign(hashlib.sha256(data).digest())  # RFC 8463 3


def body_hash(body: bytes) -> bytes:
    """Base64 SHA-256 of a body that ends with exactly one CRLF after its last text."""
    return base64.b64encode(hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest())


def _folded(names: bytes, between: bytes) -> bytes:
    lines: list[bytes] = [b""]
    for name in names.split(between):
        if len(lines[-1]) + len(name) > 64:
            lines.append(b"")
        lines[-1] += name + between
    return b"\r\n\t ".join(lines)[: -len(between)]


def _wrapped(value: bytes) -> bytes:
    return b"\r\n\t ".join(value[i : i + 70] for i in range(0, len(value), 70))
