"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "severally"
MODULES = sorted(SOURCE.rglob("*.py"))

MIDDLE = {
    *("audience", "notice", "compose", "guard", "stage", "pace", "feedback", "incident"),
    "submit",
}
LAW: dict[str, set[str]] = {
    "model": set(),
    "ports": {"model"},
    **{room: {"model", "ports"} for room in MIDDLE},
    "deliver": {"model", "ports"} | MIDDLE,
    "ledger": {"model", "ports"},
    "transport": {"model", "ports"},
    "adapters": {"model", "ports"},
    "sim": {"model", "ports", "deliver", "pace"},
    "client": set(),
    "app": {"model", "ports", "deliver", "ledger", "transport", "adapters", "sim"} | MIDDLE,
}
EXCEPTIONS = {"adapters/pool.py": {"compose"}}


def room_of(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def imports(tree: ast.AST, path: Path) -> Iterator[tuple[int, str]]:
    """Every module of ours that is imported, wherever the import stands."""
    package = ["severally", *path.relative_to(SOURCE).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, node.module or ""]).strip(".")
            if name == "severally":
                for alias in node.names:
                    yield node.lineno, f"severally.{alias.name}"
            else:
                yield node.lineno, name
        elif isinstance(node, ast.Call) and _called(node) in {"import_module", "__import__"}:
            yield node.lineno, _argument(node)


def _called(node: ast.Call) -> str:
    target = node.func
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def _argument(node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    return first.value if isinstance(first, ast.Constant) else "severally.*"


def breaches(path: Path, source: str) -> list[str]:
    """What a module imports against the law."""
    room = room_of(path)
    may = LAW.get(room, set()) | {room} | EXCEPTIONS.get(str(path.relative_to(SOURCE)), set())
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for line, name in imports(ast.parse(source), path)
        if name.startswith("severally.") and name.split(".")[1] not in may | {"__version__"}
    ]


def test_every_room_is_under_the_law() -> None:
    rooms = {room_of(path) for path in MODULES} - {"__init__"}
    assert rooms <= set(LAW)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_keep_the_law(path: Path) -> None:
    assert breaches(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model/x.py", "from severally.ports import Clock"),
        ("guard/x.py", "def f():\n    from severally.compose import compositor"),
        ("pace/x.py", "import severally.deliver.sending"),
        ("ledger/x.py", "from severally import transport"),
        ("audience/x.py", "from ..notice import compiler"),
        ("guard/x.py", "import importlib\nimportlib.import_module('severally.compose')"),
        ("adapters/keys.py", "from severally.compose import compositor"),
    ],
)
def test_the_law_finds_breaches(module: str, source: str) -> None:
    assert len(breaches(SOURCE / module, source)) == 1


def test_only_the_guard_seals() -> None:
    makers = {
        room_of(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and _called(node) in {"Sealed", "SealedRequest"}
    }
    assert makers <= {"guard"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    assert len(said.split()) > 3, "a module opens with what it is responsible for"


@pytest.mark.parametrize(
    "path",
    [*MODULES, *sorted((ROOT / "tests").rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_only_the_system_clock_reads_the_clock() -> None:
    """Pure rooms and loops are given the time."""
    reading = re.compile(r"\btime\.(time|monotonic|perf_counter)\(|datetime\.now\(|\.utcnow\(")
    readers = {
        str(path.relative_to(SOURCE))
        for path in MODULES
        if room_of(path) not in {"app", "sim"} and reading.search(path.read_text("utf-8"))
    }
    assert readers <= {"adapters/clock.py"}


def test_every_command_has_help_an_example_and_a_page() -> None:
    from severally.app.cli.main import commands

    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    for name, text in commands():
        assert f"severally {name}" in text, f"{name}: the help has no example"
        assert "Examples" in text, f"{name}: the help has no examples section"
        assert f"## severally {name}\n" in page, f"{name} is not in docs/commands.md"
