"""What the documents show is what the program reads: their tables, their commands, their links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from severally.app.cli.main import commands
from severally.app.config import load
from severally.model.errors import Finding
from severally.notice.declaration import read_declaration

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
SECTIONS = {"workspace", "audience", "senders", "routes", "limits", "receivers", "retries"}
SECTIONS |= {"sending", "staging", "sentinels", "audit", "serve", "guard", "urgent", "outboxes"}
SECTIONS |= {"windows"}
VERBS = dict(commands())
NOTICE = """\
title = "t"
subject = "s"
sender = "notices"
kind = "service"
source_locale = "en"
locales = ["en"]
"""


def fenced(language: str) -> Iterator[tuple[str, str]]:
    """Fenced blocks of a language in all pages: page and text."""
    for page in PAGES:
        for text in re.findall(rf"(?ms)^```{language}\n(.*?)^```", page.read_text("utf-8")):
            yield page.name, text


@pytest.mark.parametrize(("page", "text"), list(fenced("toml")))
def test_every_table_can_be_read(page: str, text: str, tmp_path: Path) -> None:
    names = set(tomllib.loads(text))
    if names <= SECTIONS:
        (tmp_path / "severally.toml").write_text(text, "utf-8")
        assert load(tmp_path).root == tmp_path
    else:
        whole = text if "subject" in names else NOTICE + text
        (tmp_path / "notice.toml").write_text(whole, "utf-8")
        findings: list[Finding] = []
        read_declaration(tmp_path, findings)
        assert findings == [], page


def shown() -> Iterator[tuple[str, str]]:
    """Commands in the pages: in shell blocks, and in running text between backticks."""
    for page, text in fenced("sh"):
        for line in text.splitlines():
            if line.startswith("severally "):
                yield page, line.split("  #")[0].strip()
    for page in PAGES:
        if page.name != "commands.md":  # which is held to `--help` elsewhere
            for line in re.findall(r"`(severally [a-z][^`\n]*)`", page.read_text("utf-8")):
                yield page.name, line


@pytest.mark.parametrize(("page", "line"), sorted(set(shown())))
def test_every_command_shown_exists(page: str, line: str) -> None:
    words = line.split()[1:]
    verb = next((name for name in VERBS if words[: len(name.split())] == name.split()), None)
    assert verb is not None, f"{page}: {line}"
    for option in re.findall(r"--[a-z-]+", line):
        assert option in VERBS[verb], f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target and "@" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def named() -> list[tuple[str, str]]:
    """Files and patterns of files that the pages for developers name."""
    pages = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
    pattern = r"`((?:tests|proofs|docs|src|bench)/[\w./*-]*)`"
    texts = ((page, (ROOT / page).read_text("utf-8")) for page in pages)
    return sorted({(page, path) for page, text in texts for path in re.findall(pattern, text)})


@pytest.mark.parametrize(("page", "path"), named())
def test_every_file_named_is_there(page: str, path: str) -> None:
    assert any(ROOT.glob(path.rstrip("/"))), f"{page}: {path}"
