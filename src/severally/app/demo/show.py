"""The demo's course, from customers to proof.

Uses the verbs of the command line (`init`, `send`, the report) on a workspace it makes, and
a receiving world in a process of its own. Responsible for the order of things only.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from severally.app.cli.progress import viewing
from severally.app.cli.session import Session
from severally.app.config import FILE, load
from severally.app.demo import customers as people
from severally.app.demo import paint, replay, scenery
from severally.app.demo.proof import proof_of, slowest
from severally.app.demo.results import DemoResult, ProviderView, Replay, Scaled
from severally.app.office import Office, open_office
from severally.app.operations import delivering, sends
from severally.app.operations.beginning import init
from severally.app.operations.results import Report
from severally.app.wiring import Wiring
from severally.model.recipient import Recipient
from severally.sim.process import WorldProcess
from severally.sim.providers import Provider
from severally.sim.world import Setting

NOTICE = "index-change"
SEED = 2019
REPLAYED = 1_000
_CUSTOMERS = "customers.csv"
_REPLAYED = "thousand.csv"


def run(session: Session, customers: int, keep: Path | None) -> int:
    """The exit code: 0 where the proof holds."""
    told = tuple(people.customers(customers, SEED))
    addresses = [customer.email for customer in told]
    providers = scenery.providers(addresses)
    views = tuple(_view(provider, addresses) for provider in providers)
    scaled = Scaled(
        scenery.RATES_TIMES,
        scenery.CONNECTIONS_TIMES,
        scenery.GREYLIST_S,
        scenery.WAIT_S,
        scenery.RETRY_S,
        scenery.TENTHS,
    )
    with _folder(keep) as folder:
        init(folder)
        people.write_csv(folder / _CUSTOMERS, told)
        people.write_csv(folder / _REPLAYED, told[:REPLAYED])
        paint.opening(session, customers, views, scaled)
        with WorldProcess(Setting(providers, SEED)) as world:
            (folder / FILE).write_text(scenery.settings(world, providers), "utf-8")
            report = _send(session, folder, session.wiring, _CUSTOMERS)
            record = world.record()
            proof = proof_of(record, addresses)
            if not session.json:
                paint.proof(session.console(), report, proof, slowest(report.lanes))
            replayed = _replay(session, folder, world, told[:REPLAYED])
    result = DemoResult(
        customers,
        scaled,
        views,
        report,
        proof,
        slowest(report.lanes),
        replayed,
        str(keep) if keep else "",
    )
    session.show(result, paint.closing)
    return result.exit_code


def _send(session: Session, folder: Path, wiring: Wiring, audience: str) -> Report:
    """`severally send`, to the letter."""
    order = sends.Order(NOTICE, folder / audience)
    with _office(folder, wiring) as office:
        mailing = sends.prepare(office, order, session.say)
        with viewing(session, mailing) as listen:
            return delivering.see_through(office, mailing.id, None, listen, session.say)


def _replay(
    session: Session, folder: Path, world: WorldProcess, told: Sequence[people.Customer]
) -> Replay:
    """The same notice, composed in a hurry."""
    everybody = [customer.email for customer in told]
    wiring = replay.hurried(session.wiring, everybody)
    before = world.record().messages
    order = sends.Order(NOTICE, folder / _REPLAYED, again="2019 again")
    with _office(folder, wiring) as office:
        mailing = sends.prepare(office, order, lambda text: None)
        report = delivering.see_through(
            office, mailing.id, None, lambda progress: None, session.say
        )
        would_show = replay.would_show(
            office.ledger.frozen(mailing.id), _recipient(told[0]), everybody
        )
    return Replay(
        len(everybody),
        would_show,
        mailing.id,
        report.state,
        report.reason,
        world.record().messages - before,
        report.exit_code,
    )


def _recipient(customer: people.Customer) -> Recipient:
    values = {name: getattr(customer, name) for name in ("first_name", "account", "position")}
    return Recipient(customer.id, customer.email, customer.locale, customer.timezone, values)


@contextlib.contextmanager
def _office(folder: Path, wiring: Wiring) -> Iterator[Office]:
    with open_office(load(folder), wiring) as office:
        yield office


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where the workspace is made: the folder to keep, or one that goes away."""
    if keep is not None:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="severally-demo-") as folder:
        yield Path(folder) / "workspace"


def _view(provider: Provider, addresses: Sequence[str]) -> ProviderView:
    limits, moods = provider.limits, provider.moods
    said = [f"greylists {moods.greylisted:.0%}"] * bool(moods.greylisted)
    said += ["slows you down"] * bool(moods.spells)
    domains = set(provider.domains)
    return ProviderView(
        provider.id,
        sum(address.rpartition("@")[2] in domains for address in addresses),
        str(limits.rate or ""),
        limits.connections or 0,
        limits.messages_per_connection or 0,
        tuple(said),
    )
