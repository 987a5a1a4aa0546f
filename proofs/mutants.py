"""A mutation score of the guard's modules for requests: each is changed in one place at a time, and
the tests that are about it have to notice. Plain: no mutant is called equivalent."""

from __future__ import annotations

import ast
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = ("guard/requests", "guard/disclosure")
TESTS = (
    "tests/unit/test_disclosure.py",
    "tests/property/test_request_mutations.py",
    "tests/property/test_disclosure_mutations.py",
)
MOST = int(os.environ.get("SEVERALLY_MUTANTS", "60"))
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.GtE,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.GtE: ast.Lt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}


class _Change(ast.NodeTransformer):
    """The one change of this number."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.what = ""

    def _mine(self, node: ast.AST, what: str) -> bool:
        self.left -= 1
        if self.left == 0:
            self.what = f"{getattr(node, 'lineno', 0)}: {what}"
            return True
        return False

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if self._mine(node, "comparison turned round"):
            node.ops[0] = _OPPOSITE[type(node.ops[0])]()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if self._mine(node, "and for or"):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and self._mine(node, "not taken away"):
            return node.operand
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Pass() if self._mine(node, "nothing raised") else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Call) and self._mine(node, "a call left out"):
            return ast.Pass()
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        if node.value is not None and self._mine(node, "None returned"):
            node.value = ast.Constant(None)
        return node


def _mutants() -> Iterator[tuple[Path, int]]:
    for folder in MODULES:
        for path in sorted((ROOT / "src" / "severally" / folder).glob("*.py")):
            count = 0
            while True:
                change = _Change(count + 1)
                change.visit(ast.parse(path.read_text("utf-8")))
                if not change.what:
                    break
                count += 1
                yield path, count


def score(folder: Path) -> tuple[int, int, list[str]]:
    """Noticed, all that were tried, and those not noticed."""
    everything = list(_mutants())
    tried = random.Random(1).sample(everything, min(MOST, len(everything)))
    copy = folder / "copy"
    for name in ("src", "tests", "proofs", "pyproject.toml"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy(source, copy / name)
    alive = [what for path, number in tried if (what := _survives(copy, path, number))]
    return len(tried) - len(alive), len(tried), alive


def _survives(copy: Path, path: Path, number: int) -> str:
    """What was changed where nobody noticed; empty where somebody did."""
    target = copy / path.relative_to(ROOT)
    original = target.read_text("utf-8")
    tree = ast.parse(original)
    change = _Change(number)
    target.write_text(ast.unparse(ast.fix_missing_locations(change.visit(tree))), "utf-8")
    try:
        noticed = _tests(copy, TESTS) != 0
    finally:
        target.write_text(original, "utf-8")
    return "" if noticed else f"{path.parent.name}/{path.name}:{change.what}"


def _tests(copy: Path, names: Sequence[str]) -> int:
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:randomly"]
    try:
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", *names],
            cwd=copy,
            env=environment,
            capture_output=True,
            timeout=300,
        )
    except subprocess.TimeoutExpired:
        return 1
    return done.returncode


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="severally-mutants-") as place:
        print(score(Path(place)))
