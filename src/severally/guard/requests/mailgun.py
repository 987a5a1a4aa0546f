"""What Mailgun will write: for each `to` the texts with that recipient's variables put in.

Source: Mailgun, "Batch sending" (read November 2026): `%recipient.NAME%` stands for a variable in
texts, headers and data.
"""

from __future__ import annotations

import email.utils
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from severally.guard.disclosure import NotUnderstood
from severally.guard.disclosure.shown import json_body, table
from severally.guard.requests.written import Written, word

_VARIABLE = re.compile(r"%recipient\.([A-Za-z0-9_]+)%")
_ONCE = frozenset({"from", "subject", "text", "html", "recipient-variables", "v:delivery"})
_OFF = frozenset({"o:tracking", "o:tracking-clicks", "o:tracking-opens"})


def written(headers: Mapping[str, str], body: bytes) -> Iterator[Written]:
    """Each message. Raises NotUnderstood."""
    if headers.get("content-type") != "application/x-www-form-urlencoded":
        raise NotUnderstood("not a form")
    pairs = urllib.parse.parse_qsl(
        body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict"
    )
    boxes = [value for name, value in pairs if name == "to"]
    fields = _fields([pair for pair in pairs if pair[0] != "to"])
    variables = table(json_body(fields["recipient-variables"].encode()), "recipient-variables")
    if variables.keys() != set(boxes) or len(variables) != len(boxes):
        raise NotUnderstood("recipients and their variables are not the same")
    named = [name for name in fields if name.startswith("h:") and name != "h:Reply-To"]
    for box in boxes:
        own = _Put(table(variables[box], "a recipient's variables"))
        yield Written(
            box,
            own(fields["v:delivery"]),
            email.utils.parseaddr(own(fields["from"])),
            own(fields.get("h:Reply-To", "")),
            own(fields["subject"]),
            own(fields["text"]),
            own(fields["html"]),
            tuple((name.removeprefix("h:"), own(fields[name])) for name in named),
        )


def _fields(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Each once, none unknown, tracking off by name."""
    fields = dict(pairs)
    if len(fields) != len(pairs) or not fields.keys() >= _ONCE | _OFF:
        raise NotUnderstood("a field that is missing, or stands twice")
    if any(fields[name] != "no" for name in _OFF):
        raise NotUnderstood("tracking that is not switched off")
    if any(not name.startswith("h:") for name in fields.keys() - _ONCE - _OFF):
        raise NotUnderstood("a field that is not known here")
    return fields


class _Put:
    """One recipient's variables, put in once, as they stand."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables

    def __call__(self, text: str) -> str:
        made = _VARIABLE.sub(self._value, text)
        if "%recipient" in made or "%unsubscribe_url%" in made:
            raise NotUnderstood("a variable that is not the recipient's")
        return made

    def _value(self, match: re.Match[str]) -> str:
        return word(self._variables.get(match[1]), "a variable")
