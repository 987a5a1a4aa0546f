"""`check` on a folder of broken notices: exactly what is wrong with each, and nothing else.

Each notice of tests/corpus/notices is a sound one with something broken; its expected.json
holds every finding. After a wording has changed on purpose, write them anew with
`python -m tests.e2e.test_corpus_notices` and read the difference.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from tests.workshop import SETTINGS, run

CORPUS = Path(__file__).parents[1] / "corpus" / "notices"
NAMES = sorted(path.parent.name for path in CORPUS.glob("notices/*/notice.toml"))
FIELDS = ("where", "locale", "segment", "problem", "cure", "warning")


def workspace(root: Path) -> Path:
    """The corpus as a workspace."""
    shutil.copytree(CORPUS, root)
    settings = SETTINGS.format(port=9, connections=1, processes=1)
    (root / "severally.toml").write_text(settings, "utf-8")
    return root


def found(root: Path, name: str) -> list[dict[str, Any]]:
    """What `check` finds, as JSON."""
    ran = run("--workspace", root, "check", name, "--json")
    assert ran.code == 3, ran.everything
    assert not ran.said["sound"]
    return [{key: each[key] for key in FIELDS if each[key]} for each in ran.said["findings"]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace(tmp_path_factory.mktemp("corpus") / "workspace")


def test_there_are_thirty_and_more() -> None:
    assert len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
def test_check_reports_exactly_what_is_wrong(root: Path, name: str) -> None:
    expected = json.loads((CORPUS / "notices" / name / "expected.json").read_text("utf-8"))
    assert found(root, name) == expected


def _write() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = workspace(Path(folder) / "workspace")
        for name in NAMES:
            text = json.dumps(found(root, name), indent=2, ensure_ascii=False)
            (CORPUS / "notices" / name / "expected.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(_write())
