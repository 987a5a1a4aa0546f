"""One mailing's workbench: open a claimed row, compose, sign, build, seal.

Responsible for handing guard the ledger's own row, decrypted here and decoded by guard
itself, so that nothing compose does to its recipient can reach the check. Where it runs
(in this process or in spawned ones) is the adapter's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from severally.model.delivery import Claim, Purpose, Ticket, delivery_token
from severally.model.envelope import Blocked, Checked, Composed, Payload, Refusal, Sealed
from severally.model.errors import ComposeError
from severally.model.recipient import recipient_of
from severally.ports import Builder, Composer, RowCipher


class Sealer(Protocol):
    """What the bench needs of the guard."""

    def seal_all(
        self, presented: Iterable[tuple[Payload, int, bytes, Ticket]]
    ) -> Sequence[Sealed | Refusal]: ...


Sign = Callable[[bytes, int], bytes]
"""A message and its date (Unix seconds) to the message with its sender's signatures."""


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

        All are composed, then all are signed, then all are checked: each step finds its own
        code and tables in the processor's cache, which a signature leaves to nobody.
        """
        rows = [self._cipher.open(claim.seq, claim.salt, claim.box) for claim in claims]
        tickets = [self._ticket(claim) for claim in claims]
        made = [self._composed(*each) for each in zip(rows, tickets, strict=True)]
        sealed = iter(
            self._guard.seal_all(
                [
                    (self._payload(composed, ticket.date), ticket.delivery, row, ticket)
                    for composed, row, ticket in zip(made, rows, tickets, strict=True)
                    if not isinstance(composed, Blocked)
                ]
            )
        )
        return [each if isinstance(each, Blocked) else next(sealed) for each in made]

    def _ticket(self, claim: Claim) -> Ticket:
        key, number = self._token_key, claim.delivery
        out = delivery_token(key, number, Purpose.UNSUBSCRIBE) if self._with_way_out else ""
        return Ticket(number, delivery_token(key, number), claim.date, out)

    def _composed(self, row: bytes, ticket: Ticket) -> Composed | Blocked:
        try:
            return self._composer.compose(recipient_of(row), ticket)
        except ComposeError as error:
            return Blocked(ticket.delivery, str(error))

    def _payload(self, unsigned: Composed, date: int) -> Payload:
        message = self._sign(unsigned.message, date)
        return self._build(
            Composed(unsigned.delivery, unsigned.mail_from, unsigned.rcpt_to, message)
        )
