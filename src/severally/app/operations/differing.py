"""What is new in a mailing against the last one of the same notice, locale by locale."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from severally.app.office import Office
from severally.app.operations.previews import sample
from severally.app.operations.stage_results import LocaleDiff
from severally.compose.compositor import Compositor
from severally.model.errors import ComposeError
from severally.model.mailing import SENTINELS, Frozen, MailingState

_NEVER = frozenset({MailingState.VOID, MailingState.CANCELLED, MailingState.DRAFT})
_SHOWN = 40


def last_of(office: Office, notice: str, before: str = "") -> str:
    """The newest mailing of this notice that was not given up, older than `before`; or nothing."""
    found = ""
    for mailing in office.ledger.mailings():
        if mailing.id == before:
            break
        ours = mailing.notice == notice and not mailing.id.endswith(SENTINELS)
        if ours and mailing.state not in _NEVER:
            found = mailing.id
    return found


def differences(old: Frozen, new: Frozen) -> tuple[LocaleDiff, ...]:
    """Subject and text with made-up values, for every locale of either that differs."""
    return tuple(_differences(old, new))


def _differences(old: Frozen, new: Frozen) -> Iterator[LocaleDiff]:
    for locale in dict.fromkeys((*new.stencils, *old.stencils)):
        before, after = _lines(old, locale), _lines(new, locale)
        changes = [
            line
            for line in difflib.unified_diff(before, after, lineterm="", n=0)
            if line[:1] in "+-" and line[:3] not in ("+++", "---")
        ]
        if changes:
            added = sum(line.startswith("+") for line in changes)
            shown = tuple(changes[:_SHOWN])
            yield LocaleDiff(locale, added, len(changes) - added, shown)


def _lines(frozen: Frozen, locale: str) -> list[str]:
    if locale not in frozen.stencils:
        return []
    try:
        filled = Compositor(frozen).fill(sample(frozen.notice, locale))
    except ComposeError as error:
        return [f"(cannot be composed: {error})"]
    return [filled.subject, *filled.text.splitlines()]
