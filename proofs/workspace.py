"""A workspace and its customers, made with the program's own `init`: for proofs and tests.

Customers do not exist: reserved domains, seeded names, nine languages.
"""

from __future__ import annotations

import csv
import random
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SEVERALLY = Path(sys.executable).with_name("severally")

DOMAINS = ("gmail", "outlook", "yahoo", "icloud", "gmx", "qq", "mailru", "yandex", "t-online")
LOCALES: Mapping[str, Sequence[str]] = {
    "en": ("John", "Maya", "O'Neil", "Anne-Marie"),
    "en-GB": ("Nigel", "Zoë"),
    "de": ("Jürgen", "Anna", "Käthe"),
    "fr-CA": ("Élodie", "Luc"),
    "es": ("Sofía", "Íñigo"),
    "pt-BR": ("João", "Conceição"),
    "ru": ("Ирина", "Михаил"),
    "ja": ("春斗", "さくら"),
    "zh-Hans-CN": ("伟", "秀英"),
    "ar": ("ليلى", "محمد"),
    "tr": ("Mehmet", "Ayşe"),
}
COLUMNS = ("id", "email", "locale", "timezone", "first_name", "account", "position")


def customers(count: int, seed: int = 1, prefix: str = "customer") -> Iterator[tuple[str, ...]]:
    """Rows in the order of `COLUMNS`; no two share an address or an account."""
    rng = random.Random(seed)
    for number in range(1, count + 1):
        locale = rng.choice(list(LOCALES))
        yield (
            f"c-{number}",
            f"{prefix}.{number}@{rng.choice(DOMAINS)}.example",
            locale,
            rng.choice(("Europe/Berlin", "Asia/Tokyo", "UTC")),
            rng.choice(LOCALES[locale]),
            f"AC-{rng.randrange(10**5):05}-{number:06}",
            f"{rng.randrange(10**7) / 100:.2f} USD",
        )


def write_customers(file: Path, count: int, seed: int = 1, prefix: str = "customer") -> None:
    """The file `send --audience` reads."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(customers(count, seed, prefix))


def make(folder: Path, count: int, route: str, more: str = "", seed: int = 1) -> Path:
    """A new workspace with `count` customers. `route`: what stands below `[routes.main]`."""
    severally(folder.parent, "init", folder.name)
    settings = folder / "severally.toml"
    text = re.sub(r"(?ms)^\[routes\.main\].*", "", settings.read_text("utf-8"))
    settings.write_text(f"{text}[routes.main]\n{route}\n{more}\n", "utf-8")
    write_customers(folder / "customers.csv", count, seed)
    return folder


def severally(
    folder: Path, *arguments: str, code: int | None = 0, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a verb as a person does. Raises AssertionError where it ends otherwise than `code`."""
    done = subprocess.run(
        [SEVERALLY, *arguments], cwd=folder, text=True, capture_output=True, check=False, **options
    )
    said = f"severally {' '.join(arguments)} ended with {done.returncode}\n{done.stdout[-3000:]}"
    assert code is None or done.returncode == code, f"{said}\n{done.stderr[-3000:]}"
    return done


def start(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The same, without waiting for its end."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [SEVERALLY, *arguments], cwd=folder, text=True, stdout=pipe, stderr=pipe, **options
    )
