"""What each stage of one message costs: `make bench B=hotpath`.

Every stage runs by itself over the same messages, in this one process, through the very
objects that `send` uses; processor time per message, in microseconds. With the name of a
stage as an argument that stage is profiled.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from bench import machine, workspace
from bench.sink import smtp_sink
from severally.adapters.keys import AesRowCipher
from severally.app.config import load
from severally.app.office import Office, open_office
from severally.app.operations import sends
from severally.app.wiring import Wiring, make_workbench
from severally.compose.compositor import Compositor, signers_for
from severally.compose.dkim import signed
from severally.guard.sealing import Guard
from severally.model.delivery import Claim, DeliveryState, Ticket, delivery_token
from severally.model.entries import Attempts, Record, Turn
from severally.model.envelope import Checked, Sealed
from severally.model.outcome import Outcome
from severally.model.recipient import recipient_of
from severally.transport.build import build_smtp
from severally.transport.smtp import Relay, SmtpTransport

COUNT = 10_000
_BATCH = 250
_TURN = 50
_RUN = 5
_SIGNATURES = 1_000


class Stages:
    """Runs stages and remembers what they cost."""

    def __init__(self, profiled: str) -> None:
        self.us: dict[str, float] = {}
        self._profiled = profiled

    def run(self, name: str, work: Callable[[], Any], count: int = COUNT) -> Any:
        """One stage over `count` messages."""
        profile = cProfile.Profile() if name == self._profiled else None
        if profile:
            profile.enable()
        start = time.process_time()
        result = work()
        self.us[name] = (time.process_time() - start) / count * 1e6
        if profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(30)
        print(f"  {name:<28}{self.us[name]:8.1f} us", flush=True)
        return result


def main() -> None:
    """Both ways, unsigned first."""
    profiled = sys.argv[1] if len(sys.argv) > 1 else ""
    print(machine.described())
    with tempfile.TemporaryDirectory() as folder:
        bench = workspace.make(Path(folder) / "w", COUNT, workspace.relay(1, 20), signed=True)
        loaded = load(bench.root)
        with open_office(loaded, Wiring()) as office:
            measure(Stages(profiled), office, bench)


def measure(stages: Stages, office: Office, bench: workspace.Bench) -> None:
    """Every stage, in the order of a message's journey."""
    mailing = sends.prepare(
        office, sends.Order(workspace.NOTICE, bench.audience), lambda text: None
    )
    ledger, keys = office.ledger, office.keys
    epoch = ledger.take_over(0.0)
    claims: list[Claim] = stages.run("claim", lambda: claimed(office, mailing.id, epoch))
    frozen = ledger.frozen(mailing.id)
    pems = {key.fingerprint: keys.dkim_key(key.fingerprint) for key in frozen.sender.dkim}
    cipher = AesRowCipher(keys.audience_key(mailing.audience), mailing.audience)
    rows = stages.run("decrypt", lambda: [cipher.open(c.seq, c.salt, c.box) for c in claims])
    people = stages.run("decode the row", lambda: [recipient_of(row) for row in rows])
    token_key = keys.token_key(mailing.id)
    tickets = stages.run(
        "token",
        lambda: [Ticket(c.delivery, delivery_token(token_key, c.delivery), c.date) for c in claims],
    )
    pairs = list(zip(people, tickets, strict=True))
    plain = Compositor(frozen)
    plain.compose(*pairs[0])
    composed = stages.run("compose", lambda: [plain.compose(*pair) for pair in pairs])
    size = sum(len(each.message) for each in composed) / COUNT
    signers = signers_for(frozen.sender, pems.__getitem__)
    composed = stages.run(
        "sign",
        lambda: [
            msgspec.structs.replace(each, message=signed(each.message, signers, ticket.date))
            for each, ticket in zip(composed, tickets, strict=True)
        ],
    )
    guard = Guard(frozen)
    payloads = stages.run("build the payload", lambda: [build_smtp(each) for each in composed])
    sealed = stages.run(
        "guard",
        lambda: [
            each
            for presented in batches(
                [
                    (payload, ticket.delivery, row, ticket)
                    for payload, ticket, row in zip(payloads, tickets, rows, strict=True)
                ],
                guard.seal_all,
            )
            for each in presented
        ],
    )
    assert all(isinstance(each, Sealed) for each in sealed)
    workbench = make_workbench(office.wiring.kit(keys, ledger, mailing.id))
    stages.run("a composing process, whole", lambda: batches(claims, workbench.work))
    frames = stages.run("encode for the way back", lambda: batches(sealed, _encode))
    stages.run("decode in the sender", lambda: [_decode(frame) for frame in frames])
    stages.run("turns: attempting, then accepted", lambda: turns(office, mailing.id, epoch, claims))
    with smtp_sink() as port:
        stages.run("smtp", lambda: _run(handed_over(port, sealed)))
    signature = stages.run("one signature (cryptography)", signatures, _SIGNATURES)
    del signature
    own = machine.signature_us()
    print(f"  {'one signature (openssl)':<28}{own:8.1f} us; a message has {size:,.0f} bytes")


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Checked]).decode


def _run(coroutine: Any) -> None:
    try:
        import uvloop
    except ImportError:
        asyncio.run(coroutine)
    else:
        uvloop.run(coroutine)


def batches(things: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
    """In batches, as the loop does it."""
    return [work(things[i : i + _BATCH]) for i in range(0, len(things), _BATCH)]


def claimed(office: Office, mailing: str, epoch: int) -> list[Claim]:
    """Everything, in batches."""
    found: list[Claim] = []
    for cohort in office.ledger.cohorts(mailing):
        while got := office.ledger.claim(cohort, _BATCH, epoch, 1_700_000_000.0):
            found += got
    return found


def turns(office: Office, mailing: str, epoch: int, claims: Sequence[Claim]) -> None:
    """Group commits as they happen: some begin while those before them end."""
    halt_epoch = office.ledger.mailing(mailing).halt_epoch
    before: list[Record] = []
    for i in range(0, len(claims) + _TURN, _TURN):
        ids = [claim.delivery for claim in claims[i : i + _TURN]]
        attempts = [Attempts(mailing, halt_epoch, ids)] if ids else []
        office.ledger.turn(Turn(epoch, 1_700_000_000.0, attempts, before))
        before = [
            Record(each, DeliveryState.ACCEPTED, 250, "2.0.0", "2.0.0 Ok", "accepted")
            for each in ids
        ]


async def handed_over(port: int, sealed: Sequence[Sealed]) -> None:
    """Twenty connections, in runs."""
    transport = SmtpTransport(Relay("127.0.0.1", port))
    left = iter([sealed[i : i + _RUN] for i in range(0, len(sealed), _RUN)])

    def report(one: Sealed, outcome: Outcome) -> None:
        assert outcome.reply.code == 250

    async def work() -> None:
        connection = await transport.connect(None, sealed[0])  # type: ignore[arg-type]
        for run in left:
            await connection.send(run, report)
        await connection.close()

    await asyncio.gather(*(work() for _ in range(20)))


def signatures() -> None:
    """What the library we sign with needs."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for _ in range(_SIGNATURES):
        key.sign(b"x" * 600, padding.PKCS1v15(), hashes.SHA256())


if __name__ == "__main__":
    main()
