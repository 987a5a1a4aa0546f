"""What providers tell by webhook: who signed a call, and what each of its events says. A module for
each provider, mirroring its route; the words they use are translated in one table (`words.toml`).

Pure: `verified` raises Unverified, `told` ValueError for what cannot be read. Not responsible for
whose event it is (`deliver`), nor for what it does (the ledger).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import msgspec

from severally.feedback.classes import classify
from severally.model.event import EventKind

SKEW_S = 300.0
"""How far a provider's clock may be ahead of ours."""


class Unverified(Exception):
    """Why a call is not believed; says nothing of its content."""


class Told(msgspec.Struct, frozen=True):
    """One event. `token`: our id out of its metadata, empty where there is none. `word`: the
    provider's own; `words` and `status` are the receiver's, `at` Unix seconds."""

    token: str
    word: str
    at: float
    words: str = ""
    status: str = ""


@functools.cache
def table() -> Mapping[str, Mapping[str, str]]:
    """Provider -> its word -> a kind of event, `classify` or `nothing`."""
    file = resources.files("severally.feedback") / "webhooks" / "words.toml"
    return tomllib.loads(file.read_text("utf-8"))


def meaning(provider: str, told: Told) -> tuple[EventKind, str] | str:
    """The kind and the rule that found it; else `nothing`, or `unknown` for a word that stands in
    no table."""
    said = table()[provider].get(told.word, "unknown")
    if said == "classify":
        return classify(told.words, told.status)
    return said if said in ("nothing", "unknown") else (EventKind(said), told.word)


def fresh(stamp: float, now: float, most_s: float) -> None:
    """Raises Unverified for a call signed longer ago than `most_s`, or in the future."""
    if stamp < now - most_s or stamp > now + SKEW_S:
        raise Unverified("it was signed too long ago, or by another clock")


def text(value: Any) -> str:
    """A word out of JSON: a number too, nothing else."""
    return str(value) if isinstance(value, str | int | float) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    """An object out of JSON, or nothing."""
    return value if isinstance(value, dict) else {}


def seconds(value: Any) -> float:
    """Unix seconds from a number or an ISO date; 0.0 for neither."""
    if isinstance(value, int | float):
        return float(value)
    try:
        read = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return read.timestamp() if read.tzinfo else read.replace(tzinfo=UTC).timestamp()
