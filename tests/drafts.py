"""A small notice to translate, made for a test: its words are few, and everything is in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from babel.messages.pofile import read_po, write_po

from severally.model.errors import Finding, Refused
from severally.notice.compiling import compile_notice
from severally.notice.updating import update_catalogues

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
LAYOUT = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ content }}</mj-text></mj-column>"
LAYOUT += "</mj-section></mj-body></mjml>"
TOML = """\
title = "Orders"
subject = "Your {n, plural, one {order} other {# orders}}"
sender = "notices"
kind = "service"
source_locale = "en"
locales = ["en", {locales}]
link_hosts = ["exchange.example"]

[variables.first_name]
type = "text"
private = true

[variables.sex]
type = "code"

[variables.n]
type = "integer"

[variables.amount]
type = "money"
private = true
"""
BODY = """\
# Your orders {#title}

<!-- translators: a person's first name -->

Dear {{ first_name }}, {#greeting}

You have {n, plural, one {**# order**} other {**# orders**}} worth {{ amount }}. {#count}

By 1 December 2026 we close what is older than 30 days, at 0.5 % of its value. {#terms}

[Look at them](https://exchange.example/orders){.button} {#look}
"""
GERMAN = {
    "subject": "Ihre {n, plural, one {Bestellung} other {# Bestellungen}}",
    "title": "Ihre Bestellungen",
    "greeting": "{sex, select, female {Liebe} male {Lieber} other {Guten Tag}} {{ first_name }},",
    "count": "Sie haben {n, plural, one {**# Bestellung**} other {**# Bestellungen**}} "
    "im Wert von {{ amount }}.",
    "terms": "Zum 1. Dezember 2026 schließen wir, was älter als 30 Tage ist, zu 0,5 % des Wertes.",
    "look": "[Ansehen](https://exchange.example/orders)",
}


def make(root: Path, locales: str = '"de"', body: str = BODY, name: str = "orders") -> Path:
    """The notice's folder, its catalogues written and empty."""
    folder = root / "notices" / name
    folder.mkdir(parents=True)
    (root / "layouts").mkdir(exist_ok=True)
    (root / "layouts" / "default.mjml").write_text(LAYOUT, "utf-8")
    (folder / "notice.toml").write_text(TOML.replace("{locales}", locales), "utf-8")
    (folder / "body.md").write_text(body, "utf-8")
    update_catalogues(folder, NOW)
    return folder


def say(folder: Path, locale: str, texts: Mapping[str, str]) -> None:
    """Write translations into a catalogue, as a translator's tool does."""
    path = folder / "locales" / f"{locale}.po"
    with path.open("rb") as file:
        catalogue = read_po(file)
    for message in catalogue:
        if message.context in texts:
            message.string = texts[message.context]
            message.flags.discard("fuzzy")
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, include_previous=True)


def findings(folder: Path) -> list[Finding]:
    """What `compile_notice` refuses; empty where it compiles."""
    try:
        compile_notice(folder, folder.parent.parent / "layouts")
    except Refused as refused:
        return list(refused.findings)
    return []


def problems(folder: Path) -> list[str]:
    """The same in words."""
    return [finding.problem for finding in findings(folder)]
