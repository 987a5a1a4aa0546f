"""Is a mailing still what was approved? Recomputed before every step.

Responsible for what is compared: the frozen digest, the golden samples as this very program
composes them, the files it was made from, sender, route and plan as severally.toml has them, and
the ceilings of pace. Not for what follows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from severally.app.config import Workspace
from severally.app.lanes import lane_of
from severally.app.office import Office
from severally.app.operations import drafts
from severally.app.operations.previews import sample
from severally.app.wiring import Wiring
from severally.model.delivery import Ticket
from severally.model.errors import ComposeError
from severally.model.lane import Limits
from severally.model.mailing import Audience, Frozen
from severally.model.proposal import Approval, parse_approval, sha256

_TICKET = Ticket(0, "golden" + "a" * 20, 1_800_000_000)
"""Fixed, so that a sample depends on nothing but the notice and the program."""
PROPOSED = "proposed"
_encode = msgspec.json.Encoder(order="deterministic").encode


def identity_of(frozen: Frozen, content: str) -> str:
    """SHA-256 (hex) over all that people get, and who gets it: the same for the very same
    mailing however it is staged, and whenever it leaves."""
    bare = msgspec.structs.replace(frozen, staging=None, proposal=None, schedule=msgspec.UNSET)
    encoded = _encode(bare)
    return hashlib.sha256(b"%d:" % len(encoded) + encoded + content.encode()).hexdigest()


def digest_of(frozen: Frozen, audience: Audience) -> str:
    """SHA-256 (hex) over all that is approved."""
    people = _encode([audience.count, audience.root, audience.content])
    encoded = _encode(frozen)
    return hashlib.sha256(b"%d:" % len(encoded) + encoded + people).hexdigest()


def digest_now(office: Office, mailing_id: str) -> str:
    """The digest of what the ledger holds."""
    ledger = office.ledger
    audience = ledger.audience(ledger.mailing(mailing_id).audience)
    return digest_of(ledger.frozen(mailing_id), audience)


def digest_proposed(office: Office, mailing_id: str) -> str:
    """The digest as it stands in the record; empty for what was never proposed."""
    said: Approval | None = None
    for act in office.ledger.acts(mailing_id):
        if act.what == PROPOSED:
            said = parse_approval(act.detail)
    return said.digest if said else ""


def unfit(office: Office, mailing_id: str) -> list[str]:
    """Everything that is not as it was approved, in words; nothing for what is not staged."""
    frozen = office.ledger.frozen(mailing_id)
    if frozen.proposal is None:
        return []
    found: list[str] = []
    if digest_now(office, mailing_id) != digest_proposed(office, mailing_id):
        found.append("what the ledger holds is not what was proposed")
    found += _other_bytes(office.wiring, frozen)
    found += _other_files(office.workspace, frozen.proposal.sources)
    found += _other_settings(office, frozen, office.ledger.mailing(mailing_id).count)
    lanes = office.ledger.lanes(mailing_id)
    found += _too_fast(frozen.proposal.ceilings, limits_in_force(office.workspace, frozen, lanes))
    return found


# --- golden samples


def golden(wiring: Wiring, frozen: Frozen) -> dict[str, str]:
    """Locale -> SHA-256 (hex) of a sample message, unsigned, as this program composes it."""
    composer = wiring.make_composer(frozen)
    return {
        locale: sha256(composer.compose(sample(frozen.notice, locale), _TICKET).message)
        for locale in frozen.stencils
    }


def _other_bytes(wiring: Wiring, frozen: Frozen) -> Iterator[str]:
    assert frozen.proposal is not None
    try:
        now = golden(wiring, frozen)
    except ComposeError as error:
        yield f"this program cannot compose its sample: {error}"
        return
    differing = [name for name, hash_ in frozen.proposal.golden.items() if now.get(name) != hash_]
    if differing:
        names = ", ".join(differing)
        yield f"this program composes other messages than the one it was approved with ({names})"


# --- files


def sources(workspace: Workspace, notice: str, audience: Path) -> dict[str, str]:
    """Every file the mailing was made from, with its SHA-256 (hex)."""
    folders = (workspace.root / "notices" / notice, workspace.root / "layouts")
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return {_shown(workspace, path): _hash(path) for path in [*files, audience.resolve()]}


def _shown(workspace: Workspace, path: Path) -> str:
    root = workspace.root.resolve()
    path = path.resolve()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _other_files(workspace: Workspace, before: dict[str, str]) -> Iterator[str]:
    for name, hash_ in before.items():
        try:
            if _hash(workspace.root / name) != hash_:
                yield f"{name} was changed"
        except OSError:
            yield f"{name} is gone"


# --- settings

_PACE = ("rate", "connections", "messages_per_connection")
_SECRET = ("password_file", "password_env")


def way(workspace: Workspace, route: str) -> str:
    """SHA-256 (hex) of where a route leads. Its pace has ceilings of its own, and a password may
    be changed at any time."""
    settings = workspace.routes[route]
    fields = {
        name: value
        for name, value in msgspec.structs.asdict(settings).items()
        if name not in (*_PACE, *_SECRET)
    }
    return sha256(_encode([type(settings).__name__, fields]))


def _other_settings(office: Office, frozen: Frozen, count: int) -> Iterator[str]:
    workspace, proposal = office.workspace, frozen.proposal
    assert proposal is not None
    if drafts.sender_named(office, frozen.sender.name, []) != frozen.sender:
        yield f"severally.toml: the sender {frozen.sender.name} was changed"
    known = frozen.route in workspace.routes
    if proposal.way and not (known and way(workspace, frozen.route) == proposal.way):
        yield f"severally.toml: the route {frozen.route} leads elsewhere"
    if workspace.staging.plan(count, tuple(frozen.stencils)) != frozen.staging:
        yield "severally.toml: the staging plan or its sentinels were changed"


# --- pace


def limits_in_force(
    workspace: Workspace, frozen: Frozen, lanes: Mapping[str, str]
) -> dict[str, Limits]:
    """Lane or route -> what holds on it now. `lanes`: receiver -> the lane's key."""
    found = {key: lane_of(workspace, frozen.route, each).limits for each, key in lanes.items()}
    return found | {frozen.route: workspace.route_limits(frozen.route)}


def _too_fast(ceilings: dict[str, Limits], now: dict[str, Limits]) -> Iterator[str]:
    for name, ceiling in ceilings.items():
        limits = now.get(name, Limits())
        slow = ceiling.rate
        if slow and (limits.rate is None or limits.rate.spacing < slow.spacing):
            yield f"{name} would go faster ({limits.rate or 'no limit'}) than approved ({slow})"
        for field in ("connections", "messages_per_connection"):
            most, wanted = getattr(ceiling, field), getattr(limits, field)
            if most is not None and (wanted is None or wanted > most):
                words = field.replace("_", " ")
                yield f"{name} would use more {words} ({wanted or 'no limit'}) than approved"


def slowed(ceilings: dict[str, Limits], now: dict[str, Limits]) -> list[str]:
    """Where sending is slower than approved, in words for the record."""
    return [
        f"{name} {limits.rate or 'no limit'} (approved {ceilings[name].rate or 'no limit'})"
        for name, limits in now.items()
        if name in ceilings and limits.rate != ceilings[name].rate
    ]
