"""Programs nobody here wrote that judge and edit translations, each in a process of its own.

`msgfmt` and its siblings from Debian's gettext; the schemas of XLIFF as OASIS publishes them;
the translate-toolkit, which is GPL and therefore only ever a tool beside us.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lxml import etree

_TOOLS = Path(__file__).parents[2] / ".tools"
_SCHEMAS = {"1.2": "xliff-core-1.2-strict.xsd", "2.0": "xliff-core-2.0.xsd"}


def without_gettext() -> str:
    """Why gettext cannot be used here, or nothing."""
    return "" if shutil.which("msgfmt") else "msgfmt is not installed: make servers"


def without_schemas() -> str:
    """Why XLIFF cannot be validated here, or nothing."""
    there = (_TOOLS / "xliff-schemas" / "xliff-core-2.0.xsd").exists()
    return "" if there else "the schemas of XLIFF could not be had: make servers"


def without_toolkit() -> str:
    """Why the translate-toolkit cannot be used here, or nothing."""
    there = (_TOOLS / "translate-toolkit" / "bin" / "pofilter").exists()
    return "" if there else "the translate-toolkit could not be installed: make servers"


def msgfmt(file: Path) -> str:
    """What `msgfmt --check` says; empty where it is content."""
    done = subprocess.run(
        ["msgfmt", "--check", "--output-file=/dev/null", str(file)], capture_output=True, text=True
    )
    return done.stderr if done.returncode or "warning" in done.stderr else ""


def gettext(program: str, *arguments: str | Path) -> None:
    """Run one of gettext's programs."""
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


def schema_errors(file: Path, version: str) -> list[str]:
    """What the schema of XLIFF 1.2 (strict) or 2.0 says against this file."""
    folder = _TOOLS / "xliff-schemas"

    class Local(etree.Resolver):
        """xml.xsd lies beside them; nothing is fetched."""

        def resolve(self, url: str, id: str, context: Any) -> Any:
            if url.endswith("xml.xsd"):
                return self.resolve_filename(str(folder / "xml.xsd"), context)
            return None

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Local())
    schema = etree.XMLSchema(etree.parse(str(folder / _SCHEMAS[version]), parser))
    schema.validate(etree.parse(str(file)))
    return [f"{error.line}: {error.message}" for error in schema.error_log]


def toolkit(program: str, *arguments: str | Path) -> str:
    """Run one of the translate-toolkit's programs; what it prints."""
    command = [str(_TOOLS / "translate-toolkit" / "bin" / program), *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


_EDIT = """
import sys
from translate.storage import factory, xliff2
path, *pairs = sys.argv[1:]
wanted = dict(zip(pairs[::2], pairs[1::2]))
second = b'version="2.0"' in open(path, "rb").read(400)
store = xliff2.Xliff2File.parsefile(path) if second else factory.getobject(path)
seen = set()
for unit in store.units:
    if unit.source in wanted:
        unit.target = wanted[unit.source]
        unit.markfuzzy(False)
        seen.add(unit.source)
assert seen == set(wanted), set(wanted) - seen
store.save()
"""


def toolkit_edit(file: Path, texts: Sequence[tuple[str, str]]) -> None:
    """Translate these (source, text) with the toolkit's own reader and writer."""
    arguments = [word for pair in texts for word in pair]
    python = _TOOLS / "translate-toolkit" / "bin" / "python"
    done = subprocess.run(
        [str(python), "-c", _EDIT, str(file), *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
