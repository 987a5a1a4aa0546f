"""DANE (RFC 7672): whether the certificate a mail host shows is one its TLSA records name.

Pure, but for looking into the TLS session that it is given.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from severally.model.destination import MailHost, Tlsa

_TRUST_ANCHOR, _END_ENTITY = 2, 3
_DIGESTS = {1: hashlib.sha256, 2: hashlib.sha512}


def proven(host: MailHost) -> Callable[[ssl.SSLObject], str]:
    """A look at a TLS session: empty where it is proven, else what is wrong.

    A host whose records cannot be used has to encrypt, without proof (RFC 7672 2.2).
    """

    def inspect(session: ssl.SSLObject) -> str:
        if not host.tlsa:
            return ""
        chain = presented(session)
        if any(matches(record, chain, host.name) for record in host.tlsa):
            return ""
        return f"{host.name} shows a certificate that its TLSA records do not name"

    return inspect


def matches(record: Tlsa, chain: Sequence[bytes], name: str) -> bool:
    """Whether the chain (DER, the host's own first) is what the record asks for.

    For DANE-EE neither names nor dates count (RFC 7672 3.1.1); for DANE-TA both do (3.1.2).
    """
    if not chain:
        return False
    if record.usage == _END_ENTITY:
        return _is(record, chain[0])
    anchors = [each for each in chain[1:] if _is(record, each)]
    return any(_signs(anchor, chain, name) for anchor in anchors)


def _is(record: Tlsa, certificate: bytes) -> bool:
    part = certificate
    if record.selector == 1:
        key = x509.load_der_x509_certificate(certificate).public_key()
        part = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = _DIGESTS.get(record.matching)
    return hmac.compare_digest(digest(part).digest() if digest else part, record.data)


def _signs(anchor: bytes, chain: Sequence[bytes], name: str) -> bool:
    leaf, *others = (x509.load_der_x509_certificate(each) for each in chain)
    store = Store([x509.load_der_x509_certificate(anchor)])
    try:
        verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName(name))
        verifier.verify(leaf, others)
    except (VerificationError, ValueError):
        return False
    return True


def presented(session: ssl.SSLObject) -> list[bytes]:
    """The certificates the other side showed, DER. Public from Python 3.13 on; before, the
    same method stands on the object below."""
    source = session if hasattr(session, "get_unverified_chain") else session._sslobj  # type: ignore[attr-defined]
    shown = source.get_unverified_chain() or []
    return [each if isinstance(each, bytes) else _der(each.public_bytes()) for each in shown]


def _der(certificate: str | bytes) -> bytes:
    return certificate if isinstance(certificate, bytes) else ssl.PEM_cert_to_DER_cert(certificate)
