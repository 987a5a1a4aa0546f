"""What the demo answers with: its `--json` object. Never an address."""

from __future__ import annotations

import msgspec

from severally.app.operations.results import Report


class ProviderView(msgspec.Struct, frozen=True):
    """One provider as the world set it up, limits scaled."""

    provider: str
    customers: int
    rate: str
    connections: int
    messages_per_connection: int
    moods: tuple[str, ...]


class Scaled(msgspec.Struct, frozen=True):
    """What is not as in real life, and by how much. Times in seconds."""

    rates_times: int
    connections_times: int
    greylist_s: float
    wait_s: float
    retry_s: float
    kept_tenths: int


class ProviderProof(msgspec.Struct, frozen=True):
    """What a provider itself counted: peaks beside its limits, and what it said."""

    provider: str
    messages: int
    most_in_window: int
    most_connections: int
    most_on_connection: int
    replies: dict[str, int]


class Proof(msgspec.Struct, frozen=True):
    """From the world's own records. `most_seen`: customers' addresses that the mailbox which
    saw most could see, its own included. `twice`: mailboxes with more than one message.
    `exceeded`: every limit that was ever passed, in words."""

    customers: int
    messages: int
    mailboxes: int
    twice: int
    most_seen: int
    strangers: int
    exceeded: tuple[str, ...]
    providers: tuple[ProviderProof, ...]

    @property
    def holds(self) -> bool:
        """One message for everybody, and nobody saw anybody else."""
        whole = self.customers == self.messages == self.mailboxes
        return whole and not self.twice and not self.strangers


class SlowLane(msgspec.Struct, frozen=True):
    """A lane and when its last message was answered, in seconds from the first of all."""

    lane: str
    recipients: int
    ended_s: float


class Replay(msgspec.Struct, frozen=True):
    """2019 again. `refusal`: the guard's words; `would_show`: what it kept from happening;
    `reached`: messages that came to the world; `exit_code`: what `send` ended with."""

    addresses: int
    would_show: str
    mailing: str
    state: str
    refusal: str
    reached: int
    exit_code: int

    @property
    def holds(self) -> bool:
        """Stopped before anything left."""
        return self.exit_code == 4 and self.reached == 0


class DemoResult(msgspec.Struct, frozen=True):
    """`demo`. `workspace` is empty where it was not kept."""

    customers: int
    scaled: Scaled
    providers: tuple[ProviderView, ...]
    report: Report
    proof: Proof
    slowest: tuple[SlowLane, ...]
    replay: Replay
    workspace: str

    @property
    def exit_code(self) -> int:
        """0 where everything shown is true, else 1."""
        sound = self.report.exit_code == 0 and self.proof.holds and self.replay.holds
        return 0 if sound else 1
