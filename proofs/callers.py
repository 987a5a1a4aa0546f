"""Many programs that ask for urgent messages at once, each at its moment.

Plain sockets: a client's own pool would be what is measured when thousands ask in one second.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from proofs.newsdesk import NOTICE, address, values

CALLERS = 64
_HEAD = (
    "POST /v1/messages HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
    "Idempotency-Key: {name}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
)


async def ask_all(
    url: str, key: str, numbers: Sequence[int], per_second: float, name: str
) -> tuple[dict[int, float], int]:
    """When each was due to be asked for, and how many were answered 202. One that is late because
    all callers wait is late all the same."""
    began = time.time() + 0.5
    due = {number: began + index / per_second for index, number in enumerate(numbers)}
    left = iter(due.items())
    counts = await asyncio.gather(*(_caller(url, key, left, name) for _ in range(CALLERS)))
    return due, sum(counts)


async def _caller(url: str, key: str, left: object, name: str) -> int:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    accepted = 0
    for number, at in left:  # type: ignore[attr-defined]
        await asyncio.sleep(max(0.0, at - time.time()))
        asked = {"notice": NOTICE, "recipient": {"email": address(number)}}
        asked["variables"] = values(number)  # type: ignore[assignment]
        body = json.dumps(asked).encode()
        head = _HEAD.format(
            host=place.netloc, key=key, name=f"{name.replace(' ', '-')}-{number}", size=len(body)
        )
        writer.write(head.encode() + body)
        accepted += await _status(reader) == 202
    writer.close()
    return accepted


async def _status(reader: asyncio.StreamReader) -> int:
    """Of one answer, which is read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length:")[2].partition("\r\n")[0]
    await reader.readexactly(int(length))
    return int(head.split(" ", 2)[1])
