"""Every example in every verb's help, run as it stands; and help that answers at once."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from severally.app.cli.main import commands, main
from severally.app.cli.pages import page
from severally.app.wiring import Wiring

ROOT = Path(__file__).parents[2]
VERBS = dict(commands())
EXAMPLES = [
    line.strip()
    for text in VERBS.values()
    for line in text.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()
]
EXAMPLE_ID = "m-7k2d9x"
WITHOUT_PICTURES = Wiring(find_camera=lambda: None)
"""Pictures have tests of their own (`test_preview.py`) and take their time."""
SEND = ("send", "index-change", "--audience", "customers.csv")
NOT_ADDRESSES = ("4001,nobody", "4002,a@x.example; b@x.example", "4003,@x.example")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as `init` makes it."""
    folder = tmp_path_factory.mktemp("new") / "newsroom"
    assert main(["init", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def begun(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which a mailing was begun and left, because its route was too slow."""
    folder = tmp_path_factory.mktemp("begun") / "newsroom"
    shutil.copytree(new, folder)
    settings = folder / "severally.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text + 'rate = "1/min"\n', "utf-8")
    assert main(["--workspace", str(folder), *_here(folder), "--until", "+1s"]) == 5
    settings.write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def sent(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which the sample was sent."""
    folder = tmp_path_factory.mktemp("sent") / "newsroom"
    shutil.copytree(new, folder)
    assert main(["--workspace", str(folder), *_here(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def translated(new: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with files that came back from translators."""
    folder = tmp_path_factory.mktemp("translated") / "newsroom"
    shutil.copytree(new, folder)
    for format in ("po", "xliff2.0"):
        export = ("export", "index-change", "--format", format, "--out", str(folder / "translated"))
        assert main(["--workspace", str(folder), "translate", *export]) == 0
    return folder


def _here(folder: Path) -> Iterator[str]:
    yield from (*SEND[:-1], str(folder / SEND[-1]))


def prepared(words: list[str], request: pytest.FixtureRequest) -> Path:
    """The workspace in which this example makes sense."""
    verb = words[1]
    if words[1:3] == ["translate", "import"]:
        return request.getfixturevalue("translated")
    if verb in ("halt", "resume"):
        return request.getfixturevalue("begun")
    if verb in ("status", "watch", "report") or "--again" in words:
        return request.getfixturevalue("sent")
    return request.getfixturevalue("new")


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_runs(
    example: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = shlex.split(example)
    folder = tmp_path / "here"
    if words[1] in ("init", "demo"):
        folder.mkdir()
    else:
        shutil.copytree(prepared(words, request), folder)
    monkeypatch.chdir(folder)
    if "--accept-rejects" in words:
        with (folder / "customers.csv").open("a", encoding="utf-8") as file:
            file.writelines(f"{row},en,UTC,X,AC-1,1.00 USD\n" for row in NOT_ADDRESSES)
    if EXAMPLE_ID in words:
        assert main(["status", "--json"]) == 0
        (mailing,) = re.findall(r'"mailing":"(m-\w+)"', capfd.readouterr().out)
        words[words.index(EXAMPLE_ID)] = mailing
    if words == ["severally", "demo"]:
        words += ["--customers", "300"]  # as it stands it is what `make demo` runs
    code = main(words[1:], WITHOUT_PICTURES if words[1] == "preview" else None)
    said = capfd.readouterr()
    assert code == 0, f"{example}: {code}\n{said.out}\n{said.err}"
    assert "Traceback" not in said.err


def test_every_verb_has_examples_and_exit_codes() -> None:
    assert len(VERBS) >= 13
    for verb, text in VERBS.items():
        assert f"  severally {verb}" in text.partition("Examples:\n")[2], verb
        assert "Exit codes:" in text, verb


def test_the_page_of_commands_is_what_help_says() -> None:
    cure = "python -m severally.app.cli.pages > docs/commands.md"
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == page(), cure


@pytest.mark.parametrize("verb", [[], *(name.split() for name in VERBS)], ids=" ".join)
def test_help_imports_nothing_heavy(verb: list[str]) -> None:
    program = (
        "import sys\nfrom severally.app.cli.main import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *verb, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"asyncio", "babel", "cryptography", "dns", "email_validator", "markdown_it"}
    heavy |= {"mrml", "msgspec", "multiprocessing", "rich", "sqlite3", "structlog", "uvloop"}
    assert not heavy & set(done.stderr.split())
    assert "Usage: severally" in done.stdout
