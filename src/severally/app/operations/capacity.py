"""How many messages a second this machine makes and hands over: measured, not assumed.

Responsible for the one figure of an estimate that depends on the machine. Composes and checks
the notice at hand, with made-up values and its real signatures, for a fifth of a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from statistics import median

import msgspec

from severally.app.office import Office
from severally.app.operations.previews import sample
from severally.compose.compositor import Compositor, signers_for
from severally.compose.dkim import Signer
from severally.guard.sealing import Guard
from severally.model.delivery import Ticket
from severally.model.mailing import Frozen
from severally.model.recipient import Recipient, row_of
from severally.transport.build import build_smtp

_MEASURED_S = 0.1
"""For each of the two: with signatures and without."""
_AT_ONCE = 5
_SENDER_SHARE = 0.8
"""What handing a message over costs the sending process, in times of composing and checking
it unsigned: claims, pipes, pacing, SMTP and the durable record (docs/performance.md)."""
_MOST = 500
_LEAST_S = 1e-6
_TOKEN = "a" * 26


def per_second(office: Office, frozen: Frozen) -> float:
    """Messages/s of all processes together, by what one message costs on this machine now."""
    unsigned_s = _made_s(office, frozen, [])
    if frozen.sender.dkim:
        signers = signers_for(frozen.sender, office.keys.dkim_key)
        made_s = _made_s(office, frozen, signers)
    else:
        made_s = unsigned_s
    handed_over_s = unsigned_s * _SENDER_SHARE
    cores = os.cpu_count() or 1
    return 1 / max(
        made_s / office.workspace.processes, handed_over_s, (made_s + handed_over_s) / cores
    )


def _made_s(office: Office, frozen: Frozen, signers: Sequence[Signer]) -> float:
    """Seconds to compose and check one message, all locales in turn."""
    compositor, guard = Compositor(frozen, signers), Guard(_signed_as(frozen, signers))
    people = [sample(frozen.notice, locale) for locale in frozen.stencils]
    now = office.wiring.clock.monotonic
    _make(compositor, guard, people)
    start, took = now(), list[float]()
    while len(took) < _MOST and (not took or now() - start < _MEASURED_S):
        begun = now()
        made = _make(compositor, guard, islice(cycle(people), _AT_ONCE))
        took.append((now() - begun) / made)
    return max(median(took), _LEAST_S)  # a moment in which others had the processor is no sign


def _make(compositor: Compositor, guard: Guard, people: Iterable[Recipient]) -> int:
    """As the bench does it: all are composed, then all are checked."""
    ticket = Ticket(1, _TOKEN, 0)
    made = [
        (build_smtp(compositor.compose(one, ticket)), ticket.delivery, row_of(one), ticket)
        for one in people
    ]
    guard.seal_all(made)
    return len(made)


def _signed_as(frozen: Frozen, signers: Sequence[Signer]) -> Frozen:
    """The guard expects the signatures that are made here."""
    if signers:
        return frozen
    return msgspec.structs.replace(frozen, sender=msgspec.structs.replace(frozen.sender, dkim=()))
