"""The workspace's secrets: two key files (or the environment), and what is derived from them.

Responsible for encryption at rest, blind indexes, delivery tokens and finding private DKIM
keys. The files never enter the database; without them its rows are noise.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from severally.model.errors import LedgerError, UsageError

KEY_BYTES = 32
_SALT_BYTES = 16
_NONCE = bytes(12)
"""Each row has a key of its own from a fresh 128-bit salt and encrypts once under it, so the
nonce has nothing to tell apart (NIST SP 800-38D 8.3)."""
_RSA_LEAST = 2048  # RFC 8301 3.2 asks for it
_FILES = {"data": "data.key", "index": "index.key"}


def make_keys(folder: Path) -> None:
    """Write `data.key` and `index.key` (mode 0600) where they are not there yet."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _FILES.values():
        try:
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")


class AesRowCipher:
    """`ports.RowCipher`: AES-256-GCM, bound to the audience and the row's number."""

    def __init__(self, audience_key: bytes, audience_id: str) -> None:
        self._key = audience_key
        self._bound = b"recipient|%s|" % audience_id.encode()

    def seal(self, seq: int, row: bytes) -> tuple[bytes, bytes]:
        """`(salt, box)`."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return salt, self._row(salt).encrypt(_NONCE, row, self._bound + b"%d" % seq)

    def open(self, seq: int, salt: bytes, box: bytes) -> bytes:
        """Raises LedgerError where the box was altered, or the key is another one."""
        try:
            return self._row(salt).decrypt(_NONCE, box, self._bound + b"%d" % seq)
        except (InvalidTag, ValueError):
            raise LedgerError(
                f"recipient row {seq} cannot be decrypted: it was altered, "
                "or keys/data.key is not the one it was written with"
            ) from None

    def _row(self, salt: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._key, salt, "sha256"))


class FileKeys:
    """`ports.Keys` over the workspace's `keys` folder. A file is read when it is first needed:
    looking at a draft needs none. Every method raises UsageError where it is missing."""

    def __init__(
        self,
        folder: Path,
        dkim_files: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._environment = os.environ if environment is None else environment
        self._dkim_files = tuple(dkim_files)

    @functools.cached_property
    def _data(self) -> bytes:
        return _load(self._folder, "data", self._environment)

    @functools.cached_property
    def _index(self) -> bytes:
        return _load(self._folder, "index", self._environment)

    def audience_key(self, audience: str) -> bytes:
        """This audience's alone."""
        return hmac.digest(self._data, b"audience|" + audience.encode(), hashlib.sha256)

    def token_key(self, mailing: str) -> bytes:
        """This mailing's alone."""
        return hmac.digest(self._index, b"token|" + mailing.encode(), hashlib.sha256)

    def print_key(self) -> bytes:
        """For keyed hashes of whole rows: the same file read twice gives the same."""
        return hmac.digest(self._index, b"print", hashlib.sha256)

    def blind(self, text: str) -> bytes:
        """16 bytes of a keyed hash."""
        return hmac.digest(self._index, b"blind|" + text.encode(), hashlib.sha256)[:16]

    def operator_key(self) -> bytes:
        """32 bytes that encrypt the secrets of one-time codes."""
        return hmac.digest(self._data, b"operator", hashlib.sha256)

    def checkpoint_seed(self) -> bytes:
        """32 bytes from which the key that signs checkpoints is made."""
        return hmac.digest(self._data, b"checkpoint", hashlib.sha256)

    def dkim_key(self, fingerprint: str) -> bytes:
        """The private key (PEM) whose public half has this fingerprint."""
        for path in self._dkim_files:
            _, found, pem = load_dkim(path)
            if found == fingerprint:
                return pem
        raise UsageError(
            "the DKIM key this mailing was made with is not among the sender's key files; "
            "put it back, or start a new mailing"
        )


def load_dkim(path: Path) -> tuple[str, str, bytes]:
    """`(algorithm, fingerprint, pem)` of a private key file. Raises UsageError."""
    try:
        pem = path.read_bytes()
        key = serialization.load_pem_private_key(pem, None)
    except OSError as error:
        raise UsageError(f"{path}: cannot read the DKIM key: {error.strerror}") from None
    except (ValueError, TypeError):
        raise UsageError(f"{path}: not an unencrypted private key in PEM form") from None
    if isinstance(key, RSAPrivateKey):
        if key.key_size < _RSA_LEAST:
            raise UsageError(
                f"{path}: an RSA key of {key.key_size} bits; receivers want {_RSA_LEAST}"
            )
        algorithm = "rsa-sha256"
    elif isinstance(key, Ed25519PrivateKey):
        algorithm = "ed25519-sha256"
    else:
        raise UsageError(f"{path}: DKIM keys are RSA or Ed25519")
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return algorithm, hashlib.sha256(public).hexdigest(), pem


def _load(folder: Path, name: str, environment: Mapping[str, str]) -> bytes:
    variable = f"SEVERALLY_{name.upper()}_KEY"
    if text := environment.get(variable):
        return _key(text.encode(), f"environment variable {variable}")
    path = folder / _FILES[name]
    try:
        mode = path.stat().st_mode
        text_bytes = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"{path} is missing; `severally init {folder.parent}` makes it, or set {variable}. "
            "Rows written with another key cannot be read"
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if mode & 0o077:
        raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
    return _key(text_bytes, str(path))


def _key(text: bytes, where: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise UsageError(f"{where} is not {KEY_BYTES} bytes in base64")
    return key
