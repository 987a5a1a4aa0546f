"""The ledger in one SQLite file: the embedded default.

Each part answers for one noun; `store` for transactions. Several threads may use one
ledger, and several processes one file; only one of them delivers (the epoch sees to that).
"""

from __future__ import annotations

from pathlib import Path

from severally.ledger.sqlite.audiences import Audiences
from severally.ledger.sqlite.delivering import Delivering
from severally.ledger.sqlite.doubting import Doubting
from severally.ledger.sqlite.events import SqliteEvents
from severally.ledger.sqlite.listing import Listing
from severally.ledger.sqlite.looking import Looking
from severally.ledger.sqlite.mailings import Mailings
from severally.ledger.sqlite.register import SqliteRegister
from severally.ledger.sqlite.reporting import SqliteReporting
from severally.ledger.sqlite.store import Store
from severally.ledger.sqlite.submissions import SqliteSubmissions
from severally.ledger.sqlite.suppressions import SqliteSuppressions
from severally.ledger.sqlite.urgent import SqliteUrgent
from severally.ledger.sqlite.urgent_register import SqliteUrgentRegister


class SqliteLedger(
    Audiences,
    Mailings,
    Delivering,
    Doubting,
    Looking,
    Listing,
    SqliteRegister,
    SqliteEvents,
    SqliteSuppressions,
    SqliteReporting,
    SqliteUrgent,
    SqliteUrgentRegister,
    SqliteSubmissions,
):
    """`ports.Ledger` in the file `path`, made where it is missing (mode 0600).

    Raises LedgerError for a ledger of a newer program, StorageFailed where the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._store = Store(path)

    def close(self) -> None:
        """Close the file; a ledger that was never closed loses nothing."""
        self._store.close()
