"""Passwords (argon2id, RFC 9106), one-time codes (TOTP, RFC 6238) and the secrets of passes.

Responsible for making and checking them. Not for who may do what with them.
"""

from __future__ import annotations

import hashlib
import secrets

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from severally.adapters.keys import AesRowCipher

STEP_S = 30
"""One code each (RFC 6238 4.1)."""
_DRIFT = 1
"""Steps that a telephone's clock may be off, either way (RFC 6238 5.2)."""
_PASS_BYTES = 32
_hasher = PasswordHasher()


def hashed(password: str) -> str:
    """An argon2id hash with the library's parameters (RFC 9106 4, the second choice)."""
    return _hasher.hash(password)


def matches(hash_: str, password: str) -> bool:
    """Whether this is the password."""
    try:
        return _hasher.verify(hash_, password)
    except (VerificationError, InvalidHashError):
        return False


def new_secret() -> str:
    """160 bits for one-time codes, base32 (RFC 4226 4)."""
    return pyotp.random_base32()


def enrolment(secret: str, name: str, workspace: str) -> str:
    """The `otpauth://` address that an authenticator reads, as text or as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=f"Severally {workspace}")


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step whose code this is, within a step of now; None for any other code."""
    totp, current = pyotp.TOTP(secret), int(now) // STEP_S
    for step in range(current - _DRIFT, current + _DRIFT + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), code.strip()):
            return step
    return None


def new_pass(kind: str, purpose: str) -> str:
    """A secret to be shown once: `sev-token-trial-…`, 256 bits."""
    return f"sev-{kind}-{purpose}-{secrets.token_urlsafe(_PASS_BYTES)}"


def pass_hash(secret: str) -> bytes:
    """What is kept of it. 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


class SecretBox:
    """Encrypts the secrets of one-time codes under `key` (32 bytes)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def seal(self, name: str, secret: str) -> tuple[bytes, bytes]:
        """`(salt, box)`, bound to the operator's name."""
        return self._cipher(name).seal(0, secret.encode())

    def open(self, name: str, salt: bytes, box: bytes) -> str:
        """Raises LedgerError where it was altered, or is another operator's."""
        return self._cipher(name).open(0, salt, box).decode()

    def _cipher(self, name: str) -> AesRowCipher:
        return AesRowCipher(self._key, f"operator {name}")
