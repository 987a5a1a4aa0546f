"""The only place that chooses adapters. Everything a test may want to replace is a factory here.

Responsible for turning configuration into the objects that `deliver` works with. Not for
what they do.
"""

from __future__ import annotations

import functools
import gc
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from severally.adapters.checkpoints import Checkpoints as CheckpointPlaces
from severally.adapters.chromium import Chromium, find_chromium
from severally.adapters.clock import SystemClock
from severally.adapters.dns import Dns
from severally.adapters.dns_cache import DnsCache
from severally.adapters.fonts import installed_fonts
from severally.adapters.keys import AesRowCipher
from severally.adapters.lane_file import LaneFile
from severally.adapters.pool import PoolBench
from severally.adapters.providers import DomainTable, Grouping
from severally.adapters.sessions import SessionFile
from severally.adapters.survey import Survey
from severally.adapters.threads import Threads
from severally.app.config import Workspace
from severally.app.lanes import lane_of
from severally.app.sections import MxRoute
from severally.app.studio import Camera, Fonts
from severally.app.ways import (
    make_links,
    make_mailbox,
    make_outboxes,
    make_sources,
    make_transport,
    open_keys,
)
from severally.compose.compositor import Compositor, signers_for
from severally.compose.dkim import signed
from severally.deliver.bench import Workbench
from severally.deliver.conducting import Conductor
from severally.deliver.marks import Checkpoints, Marks
from severally.deliver.progress import Progress
from severally.deliver.records import Classify
from severally.deliver.refusals import refusals
from severally.deliver.rehearsing import SUFFIX, Rehearsal
from severally.deliver.sending import Deliverer
from severally.deliver.sentinels import Sent, SentinelWatch
from severally.deliver.settings import Settings
from severally.feedback.replies import ReplyRules, Windows, shipped_rules
from severally.guard.sealing import Guard
from severally.ledger.sqlite import SqliteLedger
from severally.model.event import NOBODY, kind_of
from severally.model.mailing import Frozen, Mailing
from severally.model.notice import Kind
from severally.model.outcome import Action, Origin, Reply, Verdict
from severally.model.staging import StagingPlan
from severally.pace.retry import RetryPlan
from severally.pace.scheduler import Settings as Pacing
from severally.ports import (
    Clock,
    Composer,
    Keys,
    Ledger,
    Links,
    Mailbox,
    Resolver,
    RowCipher,
    Transport,
)
from severally.ports.incoming import Incoming
from severally.ports.lanes import LaneMemory
from severally.ports.outbox import Outbox
from severally.stage.arrival import AT_ONCE, Curve, assumed
from severally.transport.build import build_smtp

_GARBAGE = 20_000
"""Objects that may come to be before cycles among them are looked for: those of some thousand
messages in waiting."""
SURVEY_S = 6.0
"""How long one question may take before a send: three tries of two seconds."""

TellSentinels = Callable[[str, StagingPlan], Sent]
"""Tell a mailing's sentinels, once, and say how."""
MakeComposer = Callable[[Frozen], Composer]
"""From the frozen mailing; importable by name. It needs no key: the bench signs what it made."""


class BenchKit(NamedTuple):
    """What a composing process needs for one mailing, and no other secret."""

    frozen: bytes
    audience: str
    audience_key: bytes
    token_key: bytes
    pems: dict[str, bytes]
    make_composer: MakeComposer


def make_workbench(kit: BenchKit) -> Workbench:
    """Inside the composing process."""
    frozen = msgspec.msgpack.decode(kit.frozen, type=Frozen)
    signers = signers_for(frozen.sender, kit.pems.__getitem__)
    return Workbench(
        AesRowCipher(kit.audience_key, kit.audience),
        kit.make_composer(frozen),
        build_smtp,
        Guard(frozen),
        kit.token_key,
        lambda message, date: signed(message, signers, date),
        frozen.notice.kind is Kind.MARKETING,
    )


def open_ledger(path: Path) -> Ledger:
    """The workspace's record."""
    return SqliteLedger(path)


def make_resolver(workspace: Workspace, route: str, keys: Keys, clock: Clock) -> Resolver:
    """Which provider a domain belongs to, with the workspace's own receivers first."""
    extra = {name: receiver for receiver, names in workspace.receivers.items() for name in names}
    settings = workspace.routes.get(route)
    if not isinstance(settings, MxRoute):
        return DomainTable(extra)
    cache = DnsCache(workspace.state / "dns.sqlite3", keys.blind)
    return Survey(Dns(settings.resolver, SURVEY_S), Grouping(extra), cache, clock.wall)


def known_domains(workspace: Workspace) -> DomainTable:
    """Whose a domain is as far as tables say, without asking DNS."""
    return DomainTable({d: name for name, domains in workspace.receivers.items() for d in domains})


def open_checkpoints(workspace: Workspace, keys: Keys) -> Checkpoints:
    """Every place where this workspace's checkpoints are kept."""
    places = [workspace.path(name) for name in workspace.staging.checkpoints]
    own = workspace.state / "checkpoints.jsonl"
    return CheckpointPlaces(keys.checkpoint_seed, [own, *places])


def open_session(workspace: Workspace) -> SessionFile:
    """Where whoever works here keeps their pass."""
    return SessionFile(workspace.root)


def open_lane_memory(workspace: Workspace) -> LaneMemory:
    """What lanes learned in mailings before."""
    return LaneFile(workspace.state / "lanes.json")


def bounce_curves() -> tuple[Curve, Curve]:
    """How soon, and how late, bounces are heard of: no sooner than in the dialogue, and no later
    than the worst that was measured (docs/staging.md)."""
    return AT_ONCE, assumed()


def find_camera() -> AbstractContextManager[Camera] | None:
    """Chromium, where there is one."""
    program = find_chromium()
    return Chromium(program) if program else None


def on_uvloop(delivering: Coroutine[Any, Any, bool]) -> bool:
    """On the quicker event loop; only who sends pays for loading it.

    Of what is there by then nothing is let go of while mail is sent, and messages come and go
    without leaving cycles: the garbage collector has little to look through, and seldom.
    """
    import uvloop

    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    try:
        return uvloop.run(delivering)
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@dataclass(frozen=True)
class Wiring:
    """Every choice of an adapter. `make_composer` must be importable by name: it is used in
    spawned processes."""

    make_composer: MakeComposer = Compositor
    make_transport: Callable[[Workspace, str], Transport] = make_transport
    open_ledger: Callable[[Path], Ledger] = open_ledger
    open_keys: Callable[[Workspace], Keys] = open_keys
    resolver: Callable[[Workspace, str, Keys, Clock], Resolver] = make_resolver
    make_mailbox: Callable[[Workspace, str], Mailbox] = make_mailbox
    make_links: Callable[[Workspace], Links] = make_links
    make_sources: Callable[[Workspace], Mapping[str, Incoming]] = make_sources
    make_outboxes: Callable[[Workspace], Mapping[str, Outbox]] = make_outboxes
    open_checkpoints: Callable[[Workspace, Keys], Checkpoints] = open_checkpoints
    sessions: Callable[[Workspace], SessionFile] = open_session
    lane_memory: Callable[[Workspace], LaneMemory] = open_lane_memory
    bounce_curves: Callable[[], tuple[Curve, Curve]] = bounce_curves
    find_camera: Callable[[], AbstractContextManager[Camera] | None] = find_camera
    fonts: Callable[[], Fonts] = installed_fonts
    clock: Clock = field(default_factory=SystemClock)
    run: Callable[[Coroutine[Any, Any, bool]], bool] = on_uvloop

    def row_cipher(self, audience_key: bytes, audience: str) -> RowCipher:
        """Encrypts and opens one audience's rows."""
        return AesRowCipher(audience_key, audience)

    def kit(self, keys: Keys, ledger: Ledger, mailing_id: str) -> BenchKit:
        """For the composing processes; for a rehearsal without the signing keys."""
        rehearsing = mailing_id.endswith(SUFFIX)
        mailing_id = mailing_id.removesuffix(SUFFIX)
        mailing = ledger.mailing(mailing_id)
        frozen = ledger.frozen(mailing_id)
        if rehearsing:
            unsigned = msgspec.structs.replace(frozen.sender, dkim=())
            frozen = msgspec.structs.replace(frozen, sender=unsigned)
        return BenchKit(
            msgspec.msgpack.encode(frozen),
            mailing.audience,
            keys.audience_key(mailing.audience),
            keys.token_key(mailing_id),
            {key.fingerprint: keys.dkim_key(key.fingerprint) for key in frozen.sender.dkim},
            self.make_composer,
        )

    @asynccontextmanager
    async def deliverer(
        self,
        workspace: Workspace,
        keys: Keys,
        ledger: Ledger,
        listen: Callable[[Progress], None],
        tell_sentinels: TellSentinels,
        unfit: Callable[[str], Sequence[str]],
    ) -> AsyncIterator[Deliverer]:
        """Everything that sends, put together; taken apart on leaving."""
        transports = {name: self.make_transport(workspace, name) for name in workspace.routes}
        bench = PoolBench(
            make_workbench, lambda mailing: self.kit(keys, ledger, mailing), workspace.processes
        )
        off_loop = Threads("severally-ledger")

        def lane(mailing: Mailing, receiver: str) -> Any:
            return lane_of(workspace, mailing.route, receiver)

        marks = Marks(ledger, self.open_checkpoints(workspace, keys), self.clock.wall)
        conductor = Conductor(
            ledger=ledger,
            wall=self.clock.wall,
            off_loop=off_loop,
            rehearsing=Rehearsal(ledger, bench, off_loop, self.clock.wall),
            sentinels=SentinelWatch(
                tell_sentinels,
                lambda name: self.make_mailbox(workspace, name),
                self.clock.wall,
                off_loop,
                self.make_links(workspace),
            ),
            curves=self.bounce_curves,
            hard=means_nobody,
            unfit=unfit,
        )
        try:
            yield Deliverer(
                ledger=ledger,
                bench=bench,
                transports=transports,
                lane_of=lane,
                clock=self.clock,
                classify=judging(),
                routes={name: workspace.route_limits(name) for name in workspace.routes},
                settings=sending_settings(workspace),
                rng=random.Random(),
                listen=listen,
                off_loop=off_loop,
                beside=[
                    lambda: conductor.run(self.clock),
                    lambda: marks.run(self.clock, off_loop),
                ],
                reserve=marks.reserve,
                memory=self.lane_memory(workspace),
                hear=refusals(keys, self.row_cipher),
            )
        finally:
            marks.anchor()
            await bench.close()
            for transport in transports.values():
                await transport.close()
            off_loop.close()


def means_nobody(rule: str) -> bool:
    """Whether a reply rule says that there is nobody at the address."""
    return kind_of(rule) in NOBODY or rule in _suppressing()


@functools.cache
def _suppressing() -> frozenset[str]:
    rules = (rule for file in shipped_rules() for rule in file.rule)
    return frozenset(rule.id for rule in rules if rule.action is Action.SUPPRESS)


def judging() -> Classify:
    """The shipped reply rules, with the counts of one delivering process."""
    rules, windows = ReplyRules(), Windows()

    def classify(reply: Reply, origin: Origin, now: float) -> Verdict:
        return rules.classify(reply, origin, now, windows)

    return classify


def sending_settings(workspace: Workspace) -> Settings:
    """`[sending]` and `[retries]` for the sending loop."""
    retries = workspace.retries
    return Settings(
        pacing=Pacing(in_flight=workspace.max_in_doubt),
        retry=RetryPlan(retries.first_s, retries.factor, retries.most_s, retries.give_up_s),
        give_up_s=retries.give_up_of,
    )
