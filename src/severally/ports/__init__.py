"""Every seam of the house, each a small Protocol. Adapters implement them; `app.wiring` chooses.

Ledger methods are plain calls (short transactions); `deliver` runs them off its loop.
Everything that depends on time gets `now` passed in: Unix seconds where a record is
written, seconds of `Clock.monotonic` where something is paced.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from severally.model.audit import ChainRow
from severally.model.delivery import Claim, DeliveryState, Ticket
from severally.model.destination import Destination, Located, MailHost
from severally.model.entries import Act, LaneStat, Turn, TurnResult
from severally.model.envelope import Checked, Composed, Payload, Sealed
from severally.model.lane import Lane
from severally.model.mailing import Audience, Cohort, Frozen, Mailing, MailingState
from severally.model.observed import Arrival, Followed, Orders, Seen
from severally.model.outcome import Outcome, Reply
from severally.model.recipient import Recipient
from severally.ports.events import Events, Suppressions
from severally.ports.listing import Listing
from severally.ports.register import Register
from severally.ports.reporting import Reporting
from severally.ports.staging import Staging as Staging
from severally.ports.submissions import Submissions
from severally.ports.urgent import UrgentLedger


class Clock(Protocol):
    """The only source of time. `sleep_until` takes a value of `monotonic`."""

    def wall(self) -> float: ...
    def monotonic(self) -> float: ...
    async def sleep_until(self, when: float) -> None: ...


class Resolver(Protocol):
    """Which receiving provider a domain's mail goes to."""

    def locate(self, domains: Sequence[str]) -> Mapping[str, Located]:
        """The receiver of each lower-case A-label domain, or why it has none. Never guesses."""
        ...


class Exchanges(Protocol):
    """Where mail goes that is sent directly."""

    async def destination(self, domain: str) -> Destination:
        """Its hosts in the order to be tried now. Raises ConnectFailed."""
        ...

    async def host(self, name: str, secure: bool) -> MailHost:
        """A host of a destination that is `secure` or not. Raises ConnectFailed."""
        ...


class RowCipher(Protocol):
    """Encrypts one audience's rows (AES-256-GCM), bound to the audience and the row's number."""

    def seal(self, seq: int, row: bytes) -> tuple[bytes, bytes]:
        """`(salt, box)`. The row's key is derived from the salt: destroying it erases the row."""
        ...

    def open(self, seq: int, salt: bytes, box: bytes) -> bytes:
        """The row. Raises LedgerError where the box was altered or belongs elsewhere."""
        ...


class Keys(Protocol):
    """The workspace's secrets, outside the database."""

    def audience_key(self, audience: str) -> bytes:
        """32 bytes for `RowCipher`, this audience's alone."""
        ...

    def token_key(self, mailing: str) -> bytes:
        """32 bytes from which this mailing's delivery tokens are made."""
        ...

    def print_key(self) -> bytes:
        """32 bytes for keyed hashes of whole rows."""
        ...

    def blind(self, text: str) -> bytes:
        """Keyed hash (16 bytes) to look an address up by without storing it."""
        ...

    def operator_key(self) -> bytes:
        """32 bytes that encrypt the secrets of one-time codes."""
        ...

    def checkpoint_seed(self) -> bytes:
        """32 bytes from which the key that signs checkpoints is made."""
        ...

    def dkim_key(self, fingerprint: str) -> bytes:
        """The private key (PEM) whose public half has this fingerprint. Raises UsageError."""
        ...


class Mailbox(Protocol):
    """A mailbox of ours that is read back."""

    def since(self, when: float) -> Sequence[Arrival]:
        """All that was delivered since then (Unix seconds). Raises SeverallyError."""
        ...


class Links(Protocol):
    """Whether the links of a notice answer."""

    def follow(self, url: str, hosts: Collection[str]) -> Followed:
        """Within some seconds, and only to these hosts. Never raises for what the others do."""
        ...


class Composer(Protocol):
    """Makes one recipient's message. Pure: same arguments, same bytes."""

    def compose(self, recipient: Recipient, ticket: Ticket) -> Composed:
        """Raises ComposeError (`model.errors`) where a value is missing or does not fit."""
        ...


class Bench(Protocol):
    """Where claims become sealed payloads: open, compose, build, seal. May run in processes."""

    @property
    def width(self) -> int:
        """How many batches it can work on at once."""
        ...

    async def work(self, mailing: str, claims: Sequence[Claim]) -> Sequence[Checked]:
        """One result per claim, matched by delivery id. Raises SeverallyError where it cannot."""
        ...

    async def close(self) -> None: ...


class Connection(Protocol):
    """One connection of a route, used for one message at a time or a pipelined run."""

    async def send(self, run: Sequence[Sealed], report: Callable[[Sealed, Outcome], None]) -> None:
        """Try each of `run` in order and report exactly one outcome for each.

        Rechecks each payload's hash before a byte of it leaves. Never raises for what the
        other side does: that is an outcome. After a run `usable` says whether to go on with it.
        """
        ...

    async def turn_to(self, first: Sealed) -> None:
        """Lead to where this message goes, if it does not yet. Raises ConnectFailed."""
        ...

    @property
    def usable(self) -> bool: ...
    @property
    def sent(self) -> int:
        """Messages handed over on this connection so far."""
        ...

    async def close(self) -> None: ...


class ConnectFailed(Exception):
    """No connection could be had; `reply` is what the other side said, code 0 for nothing.

    Without `lane_wide` it concerns only the messages it was wanted for: they were attempted,
    `reply` (made up where nobody said anything) is their answer, and the lane goes on.
    """

    def __init__(self, reply: Reply, lane_wide: bool = True) -> None:
        super().__init__(reply.text)
        self.reply = reply
        self.lane_wide = lane_wide


class Transport(Protocol):
    """One way out."""

    def endpoint(self, lane: Lane) -> str:
        """What a connection for this lane leads to; lanes with one endpoint share connections."""
        ...

    async def connect(self, lane: Lane, first: Sealed) -> Connection:
        """Open a connection of this lane, leading to where `first` goes. Raises ConnectFailed."""
        ...

    async def close(self) -> None: ...


class Builder(Protocol):
    """Turns composed messages into a route's final payload. A pure function of the route."""

    def __call__(self, composed: Composed) -> Payload: ...


# --- the ledger --------------------------------------------------------------------------


class Ledger(
    Listing, Register, Events, Suppressions, Reporting, UrgentLedger, Submissions, Protocol
):
    """The record. Every method is one durable transaction. Raises LedgerError and its kin."""

    # audiences
    def stage(self, audience_id: str) -> Staging: ...
    def audience(self, audience_id: str) -> Audience: ...
    def sweep(self) -> int:
        """Remove what unfinished imports left; how many."""
        ...

    def find_recipient(self, audience_id: str, recipient_id: str) -> Claim | None:
        """A recipient's encrypted row by id (a Claim with delivery 0), for previews."""
        ...

    def look_through(self, cohort: Cohort, after: int, count: int) -> Sequence[Claim]:
        """The next deliveries of the cohort beyond number `after`, whatever their state, without
        claiming them: for rehearsals."""
        ...

    def names(self, deliveries: Sequence[int]) -> Mapping[int, str]:
        """Delivery -> its recipient's id."""
        ...

    def rows(self, audience_id: str) -> Iterator[Claim]:
        """Every recipient's encrypted row in audience order (delivery 0), streaming."""
        ...

    # mailings
    def create_mailing(
        self,
        mailing: Mailing,
        frozen: Frozen,
        lanes: Mapping[str, str],
        now: float,
        steps: Mapping[tuple[str, str, str], Sequence[int]] | None = None,
    ) -> Sequence[Cohort]:
        """Store it with one ready delivery per recipient, numbered by (receiver, step, zone) and
        then in audience order.

        `lanes` maps each receiver group of the audience to its lane's key, for the report.
        `steps` says of each stratum how many go into every step of the ramp; without it there is
        one step, and no zones. Raises LedgerError where it does not fit the audience.
        """
        ...

    def mailing(self, mailing_id: str) -> Mailing:
        """Raises UsageError where there is none."""
        ...

    def mailings(self) -> Sequence[Mailing]:
        """All, oldest first."""
        ...

    def by_digest(self, digest: str) -> Sequence[Mailing]: ...
    def frozen(self, mailing_id: str) -> Frozen: ...
    def cohorts(self, mailing_id: str) -> Sequence[Cohort]: ...
    def receivers(self, audience_id: str) -> Mapping[str, int]:
        """Recipients per receiver group."""
        ...

    def strata(self, audience_id: str) -> Mapping[tuple[str, str, str], int]:
        """Recipients per (receiver group, locale, time zone)."""
        ...

    def set_state(
        self,
        mailing_id: str,
        state: MailingState,
        now: float,
        reason: str = "",
        *,
        who: str = "",
        said: str = "",
        halt_epoch: int | None = None,
    ) -> Mailing:
        """A legal transition, recorded as an act of `who` with `said`, or else the reason.

        Raises Refused for an illegal one, and for `done` while deliveries are ready, claimed,
        attempting or deferred.

        Entering `halted` raises `halt_epoch` by one, so that the next turn sees it. Who decided
        by what it had read gives the epoch it read: a halt since then stands, and nothing is done.
        """
        ...

    def open_step(
        self, mailing_id: str, step: int, now: float, reason: str, *, halt_epoch: int | None = None
    ) -> Mailing:
        """Let every step up to this one leave, recorded as an act; `halt_epoch` as in
        `set_state`. Raises Refused for a step below the one that is open."""
        ...

    def set_estimate(self, mailing_id: str, estimate_s: float) -> None: ...

    # delivering
    def take_over(self, now: float) -> int:
        """A new epoch. What was claimed is ready (or deferred) again; attempting is in doubt."""
        ...

    def claim(self, cohort: Cohort, count: int, epoch: int, now: float) -> Sequence[Claim]:
        """Up to `count` ready deliveries of the cohort, in order, durably claimed.

        The first claim fixes the delivery's date. Raises Fenced.
        """
        ...

    def claim_due(self, cohort: Cohort, count: int, epoch: int, now: float) -> Sequence[Claim]:
        """Up to `count` deferred deliveries whose time has come, the oldest first."""
        ...

    def next_due(self, mailing_id: str) -> Sequence[tuple[int, float, int]]:
        """Deferred deliveries as (cohort id, due, how many), coarse to the second, soonest
        first."""
        ...

    def turn(self, turn: Turn) -> TurnResult:
        """Records first, then attempts. Raises Fenced where the epoch is no longer ours."""
        ...

    def orders(self) -> Mapping[str, Orders]:
        """What holds for every mailing that is not final: cheap, read often."""
        ...

    def add_lane_stats(self, mailing_id: str, stats: Iterable[LaneStat]) -> None:
        """Merge: earliest first, latest last, greatest peaks."""
        ...

    # looking
    def tally(self, mailing_id: str) -> Mapping[int, Mapping[DeliveryState, int]]:
        """Deliveries per cohort id and state (zeros left out). Cheap at any size."""
        ...

    def recount(self, mailing_id: str) -> Mapping[int, Mapping[DeliveryState, int]]:
        """The same, counted from the deliveries themselves."""
        ...

    def lanes(self, mailing_id: str) -> Mapping[str, str]:
        """Receiver group -> lane key."""
        ...

    def lane_stats(self, mailing_id: str) -> Sequence[LaneStat]: ...
    def seen(self, mailing_id: str, upto: int, now: float) -> Sequence[Seen]:
        """What became of the deliveries of every step up to `upto` that were tried."""
        ...

    def guard_counts(self, mailing_id: str) -> tuple[int, int]:
        """(sealed, refused) so far."""
        ...

    def add_guard_counts(self, mailing_id: str, sealed: int, refused: int) -> None: ...
    def add_act(self, act: Act) -> None: ...
    def acts(self, mailing_id: str) -> Sequence[Act]: ...
    def head(self) -> tuple[int, bytes]:
        """(number, hash) of the last row of the chain of acts; (0, GENESIS) before any."""
        ...

    def chain(self, after: int, count: int) -> Sequence[ChainRow]:
        """Up to `count` rows of the chain beyond number `after`, in order."""
        ...

    def doubt(self, marks: Mapping[int, int], now: float, reason: str) -> int:
        """This ledger is older than what was sent: in each cohort everything up to its mark
        that is not final is in doubt, and mailings under way are halted. How many."""
        ...

    def close(self) -> None: ...
