"""A private certificate authority for loopback servers: what a company's own relay has."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Certified(NamedTuple):
    """PEM files: the authority's certificate, and the server's own with its key."""

    ca: Path
    certificate: Path
    key: Path


def certify(folder: Path, *names: str) -> Certified:
    """An authority and a server certificate for 127.0.0.1, localhost and `names`, for two days."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name, subject = _name("A private authority"), _name("relay.test")
    basics = x509.BasicConstraints(ca=True, path_length=0)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    ca = _builder(ca_name, ca_name, ca_key).add_extension(basics, critical=True)
    ca = ca.add_extension(usage, critical=True).sign(ca_key, hashes.SHA256())
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    hosts = [x509.DNSName(each) for each in ("localhost", *names)]
    alternatives = x509.SubjectAlternativeName([loopback, *hosts])
    server_auth = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    own = _builder(subject, ca_name, key).add_extension(alternatives, critical=False)
    own = own.add_extension(server_auth, critical=False).add_extension(issuer, critical=False)
    files = Certified(folder / "ca.pem", folder / "relay.pem", folder / "relay.key")
    files.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    certificate = own.sign(ca_key, hashes.SHA256())
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
