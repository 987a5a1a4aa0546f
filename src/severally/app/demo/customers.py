"""Customers who do not exist, as many as asked for: the same ones for the same seed."""

from __future__ import annotations

import csv
import functools
import random
import tomllib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import msgspec

COLUMNS = ("id", "email", "locale", "timezone", "first_name", "account", "position")


class Customer(NamedTuple):
    """One row of the audience file."""

    id: str
    email: str
    locale: str
    timezone: str
    first_name: str
    account: str
    position: str


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who speaks a language. `names`: as greeted, and as in an address."""

    timezone: str
    currency: str
    names: tuple[tuple[str, str], ...]


class Mix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`audience.toml`: where customers have their mailboxes, and what they speak."""

    share: dict[str, float]
    spoken: dict[str, float]
    speaks: dict[str, str]
    people: dict[str, People]


@functools.cache
def mix() -> Mix:
    """The shipped one."""
    text = (resources.files("severally.app.demo") / "audience.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Mix)


def customers(count: int, seed: int) -> Iterator[Customer]:
    """Every address once. The first n of more are the n of fewer."""
    rng = random.Random(seed)
    domains, shares = list(mix().share), list(mix().share.values())
    for number in range(1, count + 1):
        [domain] = rng.choices(domains, shares)
        yield _customer(number, domain, rng)


def _customer(number: int, domain: str, rng: random.Random) -> Customer:
    spoken = mix().spoken
    locale = mix().speaks.get(domain) or rng.choices(list(spoken), list(spoken.values()))[0]
    people = mix().people[locale]
    greeted, written = rng.choice(people.names)
    cents = rng.randrange(100, 5_000_000)
    amount = str(cents) if people.currency == "JPY" else f"{cents // 100}.{cents % 100:02d}"
    return Customer(
        f"c-{number}",
        f"{written}.{number}@{domain}",
        locale,
        people.timezone,
        greeted,
        f"AC-{rng.randrange(10**6):06d}",
        f"{amount} {people.currency}",
    )


def write_csv(path: Path, rows: Iterable[Customer]) -> None:
    """An audience file as a customer base exports it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
