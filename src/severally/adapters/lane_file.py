"""What lanes learned, in a file beside the ledger: replaced whole, and lost without harm."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from severally.model.learned import FORGOTTEN_S, Learned

_decode = msgspec.json.Decoder(dict[str, Learned]).decode


class LaneFile:
    """See `ports.lanes.LaneMemory`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def recall(self) -> Mapping[str, Learned]:
        """Nothing where there is no file, or none that can be read."""
        try:
            return _decode(self._path.read_bytes())
        except (OSError, msgspec.MsgspecError):
            return {}

    def keep(self, lanes: Mapping[str, Learned]) -> None:
        """Together with the others that are not forgotten yet."""
        if not lanes:
            return
        latest = max(each.at for each in lanes.values())
        known = {**self.recall(), **lanes}
        kept = {name: each for name, each in known.items() if latest - each.at < FORGOTTEN_S}
        beside = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):
            beside.touch(0o600)
            beside.write_bytes(msgspec.json.format(msgspec.json.encode(kept)))
            beside.replace(self._path)
