"""One-click unsubscribing (RFC 8058): the POST does it, a GET shows a page and does nothing.

No cookie, no login; the token in the path is bound to one recipient and one kind of notice, and
cannot be made up. Link scanners follow links and press no buttons.
"""

from __future__ import annotations

import asyncio
import functools
import html
import tomllib
from importlib import resources
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, Router, get, post
from litestar.params import FromPath

from severally.app.api.given import Given
from severally.app.office import Office
from severally.app.operations.intaking import intake_of
from severally.deliver.intake import Found
from severally.model.delivery import Purpose
from severally.model.languages import pick_locale

PATH = "/u"
_SOURCE = "en"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}
_RTL = ("ar", "he", "fa", "ur")


class Words(msgspec.Struct, frozen=True):
    """What the page says in one language; `{sender}` and `{title}` are filled in."""

    title: str
    ask: str
    button: str
    done: str
    unknown: str


@functools.cache
def words() -> dict[str, Words]:
    """By language."""
    file = resources.files("severally.app.api") / "unsubscribing.toml"
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), dict[str, Words])


class _About(msgspec.Struct, frozen=True):
    locale: str
    sender: str


def _about(office: Office, token: str) -> tuple[_About, Found] | None:
    """Whose token it is; None for one that is not ours or not for this."""
    intake = intake_of(office)
    found = intake.delivery(token)
    if found is None or found.purpose is not Purpose.UNSUBSCRIBE:
        return None
    sender = office.ledger.frozen(found.cohort.mailing).sender
    name = sender.display_name or sender.domain
    return _About(intake.person(found).locale, name), found


def _page(about: _About | None, said: str, button: bool, status: int) -> Response[str]:
    available = words()
    locale = pick_locale(about.locale if about else _SOURCE, available, _SOURCE, {})
    text = available[locale]
    sender = html.escape(about.sender if about else "")
    line = html.escape(getattr(text, said)).replace("{sender}", sender)
    form = (
        '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
        f"<button>{html.escape(text.button)}</button></form>"
    )
    direction = "rtl" if locale.partition("-")[0] in _RTL else "ltr"
    body = (
        f'<!doctype html><html lang="{locale}" dir="{direction}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(text.title)}</title><style>body{{font:1.1rem/1.5 sans-serif;"
        "max-width:34rem;margin:4rem auto;padding:0 1rem}button{font:inherit;padding:.6rem 1.2rem}"
        f"</style><h1>{html.escape(text.title)}</h1><p>{line}</p>{form if button else ''}</html>"
    )
    return Response(body, media_type=MediaType.HTML, status_code=status, headers=_HEADERS)


@get("/{token:str}", sync_to_thread=True, include_in_schema=False)
def show(office: Given[Office], token: FromPath[str]) -> Response[str]:
    """The page, in the recipient's language. Changes nothing."""
    found = _about(office, token)
    if found is None:
        return _page(None, "unknown", False, 404)
    return _page(found[0], "ask", True, 200)


@post("/{token:str}", status_code=200, include_in_schema=False)
async def unsubscribe(
    office: Given[Office], token: FromPath[str], request: Request[Any, Any, Any]
) -> Response[str]:
    """Do it. Again does nothing more, and says the same."""
    form = await request.form()
    if form.get("List-Unsubscribe") != "One-Click":
        return _page(None, "unknown", False, 400)
    return await asyncio.to_thread(_unsubscribed, office, token)


def _unsubscribed(office: Office, token: str) -> Response[str]:
    found = _about(office, token)
    if found is None:
        return _page(None, "unknown", False, 404)
    about, whose = found
    now = office.wiring.clock.wall()
    event = intake_of(office).unsubscribed(whose, now, "one-click")
    office.ledger.add_events([event], now)
    return _page(about, "done", False, 200)


unsubscribing = Router(PATH, route_handlers=[show, unsubscribe])
