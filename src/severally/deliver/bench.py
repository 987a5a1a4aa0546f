"""One mailing's workbench: open a claimed row, compose, sign, build, seal.

Responsible for handing guard the ledger's own row, decrypted here and decoded by guard
itself, so that nothing compose does to its recipient can reach the check. Where it runs
(in this process or in spawned ones) is the adapter's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from severally.model.delivery import Claim, Purpose, Ticket, delivery_token
from severally.model.envelope import Blocked, Checked, Composed, Payload, Refusal, Sealed
from severally.model.errors import ComposeError
from severally.model.recipient import recipient_of
from severally.ports import Builder, Composer, RowCipher

_AT_ONCE = 25
"""Messages composed before they are checked: of 10 KB each, they fit into a core's cache."""


class Sealer(Protocol):
    """What the bench needs of the guard."""

    def seal(
        self, payload: Payload, delivery: int, row: bytes, ticket: Ticket
    ) -> Sealed | Refusal: ...


Sign = Callable[[bytes, int], bytes]
"""A message and its date (Unix seconds) to the message with its sender's signatures."""


class _Made(NamedTuple):
    """A message on its way to the guard, with what the ledger says of its recipient."""

    row: bytes
    ticket: Ticket
    composed: Composed


class _Built(NamedTuple):
    """The same, as its route will hand it over."""

    row: bytes
    ticket: Ticket
    payload: Payload


class Workbench:
    """Turns claims into sealed payloads, refusals and blocked recipients; one per claim."""

    def __init__(
        self,
        cipher: RowCipher,
        composer: Composer,
        build: Builder,
        guard: Sealer,
        token_key: bytes,
        sign: Sign = lambda message, date: message,
        with_way_out: bool = False,
    ) -> None:
        self._with_way_out = with_way_out
        self._cipher = cipher
        self._composer = composer
        self._build = build
        self._guard = guard
        self._token_key = token_key
        self._sign = sign

    def work(self, claims: Sequence[Claim]) -> list[Checked]:
        """One result per claim, in order.

        A few are composed, then these are signed, then these are checked: each step finds its
        own code and tables in the processor's cache, which a signature leaves to nobody.
        """
        results: list[Checked] = []
        for first in range(0, len(claims), _AT_ONCE):
            made = [self._made(claim) for claim in claims[first : first + _AT_ONCE]]
            built = [each if isinstance(each, Blocked) else self._built(each) for each in made]
            results += [each if isinstance(each, Blocked) else self._seal(each) for each in built]
        return results

    def _made(self, claim: Claim) -> _Made | Blocked:
        row = self._cipher.open(claim.seq, claim.salt, claim.box)
        ticket = self._ticket(claim)
        try:
            composed = self._composer.compose(recipient_of(row), ticket)
        except ComposeError as error:
            return Blocked(claim.delivery, str(error))
        return _Made(row, ticket, composed)

    def _ticket(self, claim: Claim) -> Ticket:
        key, number = self._token_key, claim.delivery
        out = delivery_token(key, number, Purpose.UNSUBSCRIBE) if self._with_way_out else ""
        return Ticket(number, delivery_token(key, number), claim.date, out)

    def _built(self, made: _Made) -> _Built:
        row, ticket, unsigned = made
        message = self._sign(unsigned.message, ticket.date)
        composed = Composed(unsigned.delivery, unsigned.mail_from, unsigned.rcpt_to, message)
        return _Built(row, ticket, self._build(composed))

    def _seal(self, built: _Built) -> Sealed | Refusal:
        return self._guard.seal(built.payload, built.ticket.delivery, built.row, built.ticket)


class LocalBench:
    """A bench in this very process, for tests, simulation and single-core machines."""

    width = 1

    def __init__(self, make: Callable[[str], Workbench]) -> None:
        self._make = make
        self._benches: dict[str, Workbench] = {}

    async def work(self, mailing: str, claims: Sequence[Claim]) -> Sequence[Checked]:
        """Blocks the loop while it composes; see `adapters.pool` for the real thing."""
        bench = self._benches.get(mailing)
        if bench is None:
            bench = self._benches[mailing] = self._make(mailing)
        return bench.work(claims)

    async def close(self) -> None:
        """Nothing to let go of."""
