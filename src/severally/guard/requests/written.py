"""What a provider will write to one mailbox, read from the request by the provider's rules."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from severally.guard.disclosure import NotUnderstood


@dataclass(frozen=True, slots=True)
class Written:
    """One message. `reference`: our id in its metadata. `sender`: name and address. `raw`: the
    whole message, for a provider that is given one; the words are empty then."""

    box: str
    reference: str
    sender: tuple[str, str] = ("", "")
    reply_to: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes | None = None


def only(fields: Mapping[str, Any], known: Collection[str], what: str) -> None:
    """Raises NotUnderstood for a field that is not known: nobody can say what it would do."""
    if fields.keys() - set(known):
        raise NotUnderstood(f"a field of {what} that is not known here")


def word(value: Any, what: str) -> str:
    """A text. Raises NotUnderstood for anything else."""
    if not isinstance(value, str):
        raise NotUnderstood(f"{what} is not text")
    return value


def one(values: Any, what: str) -> Any:
    """The only entry of a list. Raises NotUnderstood where there are more or none."""
    if not isinstance(values, list) or len(values) != 1:
        raise NotUnderstood(f"{what} does not have exactly one entry")
    return values[0]
