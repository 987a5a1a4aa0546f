"""Checkpoints: what the ledger said of itself, signed and kept outside of it.

One JSON line each, appended and synced to every place before anything goes on. Places that a
person cannot change together with the ledger (another machine's disk) are what they are for.
"""

from __future__ import annotations

import base64
import binascii
import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from severally.model.audit import Checkpoint
from severally.model.errors import StorageFailed, UsageError

_encode = msgspec.json.Encoder(order="deterministic").encode


class _Line(msgspec.Struct, frozen=True):
    checkpoint: msgspec.Raw
    signature: str


# made here, not where they are used: see `ledger.sqlite.mailings`
_line = msgspec.json.Decoder(_Line)
_checkpoint = msgspec.json.Decoder(Checkpoint)


class CheckpointFile:
    """One place. Not responsible for what a checkpoint says."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, line: bytes) -> None:
        """Add one line, on disk before it returns. Raises StorageFailed."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.write(handle, line) != len(line):
                    raise OSError(28, "No space left on device")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StorageFailed(
                f"the checkpoint cannot be written to {self.path}: {error.strerror}; nothing was "
                "acknowledged: mend the disk, then resume"
            ) from None

    def lines(self) -> Iterator[bytes]:
        """Every whole line; a last one that was cut off by a crash is none."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}") from None
        yield from data.split(b"\n")[:-1]


class Checkpoints:
    """All places of a workspace; signs with `seed` (32 bytes, Ed25519, RFC 8032), which may be
    given as where to get it: without a checkpoint there is nothing to verify."""

    def __init__(self, seed: bytes | Callable[[], bytes], places: Sequence[Path]) -> None:
        self._seed = seed
        self._places = [CheckpointFile(path) for path in places]

    @functools.cached_property
    def _key(self) -> Ed25519PrivateKey:
        seed = self._seed() if callable(self._seed) else self._seed
        return Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> bytes:
        """32 bytes, for verifying elsewhere."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def append(self, checkpoint: Checkpoint) -> None:
        """To every place, durably. Raises StorageFailed; then some may have it and some not."""
        said = _encode(checkpoint)
        signature = base64.b64encode(self._key.sign(said)).decode()
        line = b'{"checkpoint":%s,"signature":"%s"}\n' % (said, signature.encode())
        for place in self._places:
            place.append(line)

    def all(self) -> list[Checkpoint]:
        """Those of every place whose signatures hold, place by place."""
        return [
            point
            for place in self._places
            for line in place.lines()
            if (point := verified(line, self.public_key)) is not None
        ]

    def forged(self) -> list[str]:
        """Places and lines that are not what was signed."""
        return [
            f"{place.path}:{number}: not signed by this workspace's key, or changed"
            for place in self._places
            for number, line in enumerate(place.lines(), 1)
            if verified(line, self.public_key) is None
        ]

    def flaws(self) -> list[str]:
        """What is forged, and which places lack what another one holds since their own first."""
        return [*self.forged(), *self._lacking()]

    def _lacking(self) -> Iterator[str]:
        held = {place.path: list(place.lines()) for place in self._places}
        everything = list(dict.fromkeys(line for lines in held.values() for line in lines))
        for path, lines in held.items():
            if not lines and everything:
                yield f"{path}: holds none of the {len(everything)} checkpoints that others hold"
                continue
            own = set(lines)
            longest = max(held.values(), key=len)
            since = next((at for at, line in enumerate(longest) if line in own), len(longest))
            if missing := sum(line not in own for line in longest[since:]):
                yield f"{path}: lacks {missing} checkpoints that another place holds"

    def last(self) -> Checkpoint | None:
        """The newest that any place holds.

        Every verb asks: signatures are verified from the newest back, until one holds.
        """
        read = [(_read(line), line) for place in self._places for line in place.lines()]
        dated = [(point.at, line) for point, line in read if point is not None]
        newest_first = sorted(dated, key=lambda each: each[0], reverse=True)
        found = (verified(line, self.public_key) for _, line in newest_first)
        return next((point for point in found if point is not None), None)


def _read(line: bytes) -> Checkpoint | None:
    """What a line claims to be, its signature not looked at."""
    try:
        return _checkpoint.decode(_line.decode(line).checkpoint)
    except (msgspec.DecodeError, ValueError):
        return None


def verified(line: bytes, public_key: bytes) -> Checkpoint | None:
    """The checkpoint of a line, or None where it is not one that the key signed."""
    try:
        read = _line.decode(line)
        signature = base64.b64decode(read.signature, validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, bytes(read.checkpoint))
        return _checkpoint.decode(read.checkpoint)
    except (msgspec.DecodeError, binascii.Error, InvalidSignature, ValueError):
        return None
