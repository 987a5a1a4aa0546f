"""2019 again: a hurried composer that writes many recipients into one To field.

Put in the place of the real one through the wiring, as a hurried rewrite would be; all else
is what every mailing goes through.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import msgspec

from severally.app.wiring import Wiring
from severally.compose.compositor import Compositor
from severally.guard.disclosure.smtp import disclosure
from severally.model.delivery import Ticket
from severally.model.envelope import Composed
from severally.model.mailing import Frozen
from severally.model.recipient import Recipient
from severally.ports import Composer


class Hurried:
    """`ports.Composer`: "one call for a thousand customers is a thousand times as fast"."""

    def __init__(self, composer: Composer, everybody: Sequence[str]) -> None:
        self._composer = composer
        self._everybody = ",\r\n ".join(everybody)

    def compose(self, recipient: Recipient, ticket: Ticket) -> Composed:
        """The real message, with everybody in its To field."""
        composed = self._composer.compose(recipient, ticket)
        private = f"\r\nTo: {recipient.address}\r\n".encode()
        shared = f"\r\nTo: {self._everybody}\r\n".encode()
        return msgspec.structs.replace(
            composed, message=composed.message.replace(private, shared, 1)
        )


@dataclasses.dataclass(frozen=True)
class MakeHurried:
    """`wiring.MakeComposer`; goes to the composing processes."""

    everybody: tuple[str, ...]

    def __call__(self, frozen: Frozen) -> Composer:
        return Hurried(Compositor(frozen), self.everybody)


def hurried(wiring: Wiring, everybody: Sequence[str]) -> Wiring:
    """The same wiring but for the composer."""
    return dataclasses.replace(wiring, make_composer=MakeHurried(tuple(everybody)))


def would_show(frozen: Frozen, recipient: Recipient, everybody: Sequence[str]) -> str:
    """What would have been seen, had it left as one message to everybody: in words."""
    composed = MakeHurried(tuple(everybody))(frozen).compose(recipient, Ticket(0, "a" * 26, 0))
    return disclosure(composed.mail_from, everybody, composed.message).words()
