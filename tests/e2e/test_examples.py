"""The example workspace: sound as it stands, complete in every language, and the demo's own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from tests.workshop import run

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTICES = sorted(path.name for path in (EXAMPLES / "notices").iterdir())
LOCALES = ["en", "zh-Hans", "zh-Hant", "ja", "ko", "ru", "es", "pt-BR", "fr", "de", "ar", "tr"]
CATALOGUES = sorted(EXAMPLES.glob("notices/*/locales/*.po"))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy as it comes from version control: without keys and record."""
    folder = tmp_path_factory.mktemp("examples") / "w"
    private = shutil.ignore_patterns("keys", ".severally", "outbox", "preview")
    shutil.copytree(EXAMPLES, folder, ignore=private)
    return folder


def test_there_are_five() -> None:
    assert NOTICES == [
        "index-change",
        "liquidation",
        "password-reset",
        "security-incident",
        "withdrawal-confirmation",
    ]


@pytest.mark.parametrize("notice", NOTICES)
def test_each_is_clean_at_once(workspace: Path, notice: str) -> None:
    ran = run("--workspace", workspace, "check", notice, "--json")
    assert ran.code == 0, ran.everything
    assert ran.said["locales"] == LOCALES
    assert ran.said["findings"] == []


def test_each_fits_its_audience(workspace: Path) -> None:
    assert run("init", workspace).code == 0, "makes the keys of a workspace that has none"
    for notice in NOTICES:
        audience = workspace / "audiences" / f"{notice}.csv"
        ran = run("--workspace", workspace, "check", notice, "--audience", audience, "--json")
        assert ran.code == 0, ran.everything
        assert ran.said["audience"]["rejected"] == 0
        told = ran.said["audience"]["locales"]
        spoken = {tag.split("-")[0] for tag in LOCALES}
        assert {tag.split("-")[0] for tag in told} == spoken, "somebody for each language"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_nothing_is_left_in_english(path: Path) -> None:
    """Words that are the same in both (`Position`) are few and short."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    same = [m.id for m in catalogue if m.id and m.id == m.string and "{{" not in str(m.id)]
    assert not [text for text in same if len(str(text).split()) > 1]
    assert not [m.id for m in catalogue if m.id and m.fuzzy]


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext is not installed")
@pytest.mark.parametrize("path", CATALOGUES, ids=lambda p: f"{p.parts[-3]}-{p.stem}")
def test_msgfmt_finds_nothing(path: Path) -> None:
    done = subprocess.run(
        ["msgfmt", "--check", "-o", "/dev/null", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_update_changes_nothing(workspace: Path) -> None:
    """The catalogues are as `translate update` writes them."""
    before = {path: _dateless(path) for path in workspace.glob("notices/*/locales/*.po")}
    assert len(before) == len(CATALOGUES)
    for notice in NOTICES:
        assert run("--workspace", workspace, "translate", "update", notice).code == 0
    assert {path: _dateless(path) for path in before} == before


def _dateless(path: Path) -> str:
    return re.sub(r'"P\w+-(Creation|Revision)-Date:.*\n', "", path.read_text("utf-8"))


def test_the_sample_is_the_first_example() -> None:
    source = EXAMPLES.parent / "src/severally/app/sample"
    assert (EXAMPLES / "notices/index-change").resolve() == source / "notices/index-change"
    assert (EXAMPLES / "layouts").resolve() == source / "layouts"


def test_new_keys_are_not_made_over_a_record(workspace: Path, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    shutil.copytree(workspace, folder, ignore=shutil.ignore_patterns("keys"))
    assert run("init", folder).code == 0
    audience = folder / "audiences/index-change.csv"
    sent = run("--workspace", folder, "send", "index-change", "--audience", audience)
    assert sent.code == 0, sent.everything
    shutil.rmtree(folder / "keys")
    ran = run("init", folder)
    assert ran.code == 2
    assert "has a record but no keys" in ran.err
    assert not (folder / "keys").exists()
