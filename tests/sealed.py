"""Messages as the guard seals them, ready for a transport: the sample notice, many customers."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from severally.compose.compositor import Compositor
from severally.guard.sealing import Guard
from severally.model.envelope import Sealed
from severally.model.notice import Kind
from severally.model.recipient import row_of
from severally.transport.build import build_smtp
from tests import mailings


@functools.cache
def run(
    count: int,
    locales: Sequence[str] = ("en", "de"),
    kind: Kind = Kind.SERVICE,
    domain: str = "gmail.example",
) -> tuple[Sealed, ...]:
    """Numbered from 1, the languages in turn."""
    frozen = mailings.sample(kind)
    compositor, guard = Compositor(frozen), Guard(frozen)
    made = []
    for number in range(1, count + 1):
        address = f"user.{number:05}@{domain}"
        person = mailings.customer(number, address, locales[number % len(locales)])
        ticket = mailings.ticket(number)
        payload = build_smtp(compositor.compose(person, ticket))
        sealed = guard.seal(payload, number, row_of(person), ticket)
        assert isinstance(sealed, Sealed)
        made.append(sealed)
    return tuple(made)
