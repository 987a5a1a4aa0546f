"""10,000 events a second poured into `serve`, and every one of them found in the record after."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.standins import StandIn, sendgrid
from tests.standins.ways import WAYS

from proofs import workspace

PEOPLE = 5_000
SECONDS = 5
A_CALL = 1_000
PER_SECOND = 10_000


def prove(folder: Path, people: int = PEOPLE, seconds: int = SECONDS) -> bool:
    """Prints a line; whether it held."""
    signing = ec.generate_private_key(ec.SECP256R1())
    public = signing.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key, events = folder / "provider.key", folder / "events.key"
    key.write_text(sendgrid.KEY)
    events.write_text(base64.b64encode(public).decode())
    way = WAYS["sendgrid"]
    with StandIn(way.expand) as provider:
        route = f'{way.table}\nurl = "{provider.url}"\nkey_file = "{key}"\n'
        route += f'events_key_file = "{events}"\n'
        place = workspace.make(folder / "place", people, route)
        workspace.severally(place, "send", "index-change", "--audience", "customers.csv")
        calls = [json.loads(call.body)["personalizations"] for call in provider.calls]
    tokens = [each["custom_args"]["delivery"] for call in calls for each in call]
    assert len(tokens) == people
    running = workspace.start(place, "serve", "--port", "0")
    try:
        url = _address(running)
        answered, took = _pour(url, signing, tokens, seconds)
        wanted = min(people, seconds * PER_SECOND)
        began = time.monotonic()
        while _heard(place) < wanted and time.monotonic() - began < 900:
            time.sleep(0.5)
        drained = time.monotonic() - began
    finally:
        running.terminate()
        running.communicate(timeout=60)
    heard, left = _heard(place), len(list((place / ".severally" / "webhooks" / "new").iterdir()))
    total = seconds * PER_SECOND
    print(
        f"5. {total:,} events in {total // A_CALL} calls: all answered with 200 ({answered}) in "
        f"{took:.1f} s, {total / took:,.0f} a second; every delivery of {wanted:,} delivered in "
        f"the record ({heard:,}) {drained:.0f} s later; {left} calls left on disk"
    )
    return answered and heard == wanted


def _address(running: object) -> str:
    lines: list[str] = []

    def read() -> None:
        for line in running.stdout:  # type: ignore[attr-defined]
            lines.append(line)
            if "serving on" in line:
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(120)
    found = re.search(r"http://\S+", "".join(lines))
    assert found is not None, lines
    return found[0]


def _pour(
    url: str, signing: ec.EllipticCurvePrivateKey, tokens: list[str], seconds: int
) -> tuple[bool, float]:
    """Every token in turn, again and again: later tellings of one thing change nothing."""
    bodies = []
    for number in range(seconds * PER_SECOND // A_CALL):
        at = int(time.time())
        some = (tokens[(number * A_CALL + n) % len(tokens)] for n in range(A_CALL))
        call = [{"event": "delivered", "timestamp": at, "delivery": token} for token in some]
        body = json.dumps(call).encode()
        signature = signing.sign(str(at).encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "X-Twilio-Email-Event-Webhook-Timestamp": str(at),
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        }
        bodies.append((headers, body))
    with httpx.Client(trust_env=False, timeout=120) as client, ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        answers = list(
            pool.map(
                lambda c: client.post(f"{url}/events/main", headers=c[0], content=c[1]), bodies
            )
        )
        took = time.monotonic() - began
    return all(answer.status_code == 200 for answer in answers), took


def _heard(place: Path) -> int:
    with sqlite3.connect(f"file:{place}/.severally/ledger.sqlite3?mode=ro", uri=True) as db:
        return int(db.execute("SELECT count(*) FROM event WHERE kind = 'delivered'").fetchone()[0])
