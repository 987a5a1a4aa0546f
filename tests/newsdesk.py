"""A workspace that sends urgent messages, served over HTTP to a test in the same process."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from severally.app.api import ROUTERS, make_app
from severally.app.api.requests import Watched
from severally.app.cli.main import main
from severally.app.config import load
from severally.app.office import Office, open_office
from severally.app.serving import listening
from severally.app.serving_parts import Served
from severally.app.urgent import keys, notices
from severally.app.urgent.part import urgent_part
from severally.app.wiring import Wiring

NOTICE = """\
title = "Password reset"
subject = "Choose a new password"
sender = "notices"
kind = "security"
event = "password_reset"
expires = "30m"
source_locale = "en"
locales = ["en"]
link_hosts = ["exchange.example"]

[variables.first_name]
type = "text"
private = true

[variables.link]
type = "url"
private = true

[variables.minutes]
type = "integer"

[variables.place]
type = "text"
optional = true
"""
BODY = """\
Hello {{ first_name }}, {#hello}

choose a new password within {{ minutes }} minutes. {#choose}

[Choose a password]({{ link }}){.button}

It was asked for {place, select, missing {somewhere} other {in {{ place }}}}. {#where}
"""
VALUES = {"first_name": "Anna", "link": "https://exchange.example/reset/abc", "minutes": 30}


def workspace(folder: Path, settings: str = "", purpose: str = "trial") -> Path:
    """As `init` makes it, with a reset in English; `settings` are added at the end."""
    assert main(["init", str(folder)]) == 0
    reset = folder / "notices" / "reset"
    reset.mkdir()
    (reset / "notice.toml").write_text(NOTICE, "utf-8")
    (reset / "body.md").write_text(BODY, "utf-8")
    toml = folder / "severally.toml"
    text = toml.read_text("utf-8").replace('purpose = "trial"', f'purpose = "{purpose}"')
    toml.write_text(text + settings, "utf-8")
    return folder


@dataclass
class Newsdesk:
    """`http` speaks to the served workspace with a live key."""

    office: Office
    url: str
    key: str
    http: httpx.Client

    def ask(self, email: str = "anna@customer.example", idem: str = "1", **fields: Any) -> Any:
        body = {"notice": "reset", "recipient": {"email": email}, "variables": VALUES} | fields
        return self.http.post("/v1/messages", json=body, headers={"Idempotency-Key": idem})

    def key_for(self, scope: str, per_minute: int = 6_000) -> httpx.Client:
        made = keys.make(self.office, scope, scope, per_minute, 3600, "")
        return client(self.url, made.secret)

    def final(self, message: str) -> dict[str, Any]:
        """What is said of it when it is final or held; the test's time limit bounds the wait."""
        while True:
            said: dict[str, Any] = self.http.get(f"/v1/messages/{message}").json()
            if said["message"]["state"] not in ("ready", "claimed", "attempting"):
                return said
            time.sleep(0.02)

    def letters(self) -> list[EmailMessage]:
        """All that was sent."""
        policy = email.policy.default
        files = (self.office.workspace.root / "outbox").glob("new/*")
        return [email.message_from_bytes(file.read_bytes(), policy=policy) for file in files]


def client(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


@contextmanager
def served(folder: Path, wiring: Wiring | None = None) -> Iterator[Newsdesk]:
    """Serve it from a thread of its own, until the test is done."""
    with open_office(load(folder), wiring or Wiring()) as office:
        notices.approve(office, "reset", "", "")
        key = keys.make(office, "tests", "live", 1_000_000, 3600, "").secret
        with running(office) as url, client(url, key) as http:
            yield Newsdesk(office, url, key, http)


@contextmanager
def running(office: Office) -> Iterator[str]:
    """The server, until the block is left."""
    started, server = threading.Event(), []
    bound = listening("127.0.0.1", 0)
    failed: list[BaseException] = []

    async def serve() -> None:
        parts = Served(Watched())
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(urgent_part(office, parts))
            app = make_app(
                office,
                parts.watched,
                (*ROUTERS, *parts.routers),
                checks=parts.checks,
                **parts.given,
            )
            config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
            server.append(uvicorn.Server(config))
            started.set()
            await server[0].serve([bound])

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        started.wait()
        assert not failed, failed
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        if server:
            server[0].should_exit = True
        thread.join()
        bound.close()
    assert not failed, failed
