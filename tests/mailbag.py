"""A mailing in a ledger, with real keys and encrypted rows: what comes back is about it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from severally.adapters.keys import AesRowCipher, FileKeys
from severally.deliver.intake import Intake
from severally.deliver.parties import party_of
from severally.ledger.memory import MemoryLedger
from severally.model.delivery import Purpose, delivery_token
from severally.model.event import Party
from severally.model.recipient import Recipient, row_of
from severally.model.staged import StagedRow
from severally.ports import Keys, Ledger
from tests.ledger_samples import FROZEN, mailing

_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEYS = FileKeys(
    Path("/nonexistent"), environment={"SEVERALLY_DATA_KEY": _KEY, "SEVERALLY_INDEX_KEY": _KEY}
)
MISSING = delivery_token(KEYS.token_key("m-1"), 999_999)
"""Made with the right key for a delivery that is not there."""


class Mailbag:
    """`count` customers of one mailing, `m-1`; deliveries and tokens by address."""

    def __init__(self, count: int, ledger: Ledger | None = None, keys: Keys = KEYS) -> None:
        self.ledger = ledger or MemoryLedger()
        self.keys = keys
        self.people = [f"Customer.{number}@there.example" for number in range(count)]
        self.frozen = FROZEN
        freeze(self.ledger, keys, self.people)
        self.cohorts = mailing(self.ledger)
        self.intake = Intake(self.ledger, keys, AesRowCipher, lambda: 9.0)
        numbers = range(self.cohorts[0].first, self.cohorts[-1].last + 1)
        names = self.ledger.names(list(numbers))
        by_name = {f"c{number}": person for number, person in enumerate(self.people)}
        self.deliveries = {by_name[name]: number for number, name in names.items()}
        self.tokens = {p: self.token(number) for p, number in self.deliveries.items()}

    def token(self, delivery: int, purpose: Purpose = Purpose.DELIVERY) -> str:
        return delivery_token(self.keys.token_key("m-1"), delivery, purpose)

    def blind(self, person: str) -> bytes:
        return self.keys.blind(person.casefold())

    @property
    def party(self) -> Party:
        return party_of(self.keys, AesRowCipher, self.people[0])


def freeze(ledger: Ledger, keys: Keys, people: Sequence[str]) -> None:
    """The audience `a-1`, its rows encrypted as an import does it."""
    staging = ledger.stage("a-1")
    cipher = AesRowCipher(keys.audience_key("a-1"), "a-1")
    staging.add([_row(keys, cipher, number, person) for number, person in enumerate(people)])
    staging.freeze("customers.csv", 1.0)


def _row(keys: Keys, cipher: AesRowCipher, number: int, person: str) -> StagedRow:
    row = row_of(Recipient(f"c{number}", person, "en", "UTC", {"name": "Ann"}))
    salt, box = cipher.seal(number, row)
    blind = keys.blind(person.casefold())
    leaf = hashlib.sha256(row).digest()
    return StagedRow(
        number,
        number,
        f"c{number}",
        "google",
        "en",
        blind,
        blind,
        leaf,
        number,
        salt,
        box,
        leaf,
    )
