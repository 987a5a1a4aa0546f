"""docs/commands.md, written from the very texts that `--help` shows."""

from __future__ import annotations

import sys

from severally.app.cli.main import commands

_HEAD = """\
# The commands

What `severally --help` and `severally VERB --help` say, on one page. Written by
`python -m severally.app.cli.pages`; a test holds the two together.

Every verb takes `--json`: one JSON object on standard output, progress on standard error. The
workspace is found from the current folder upwards; `--workspace DIR` names another.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for name, text in commands():
        parts.append(f"\n## severally {name}\n\n```text\n{text.rstrip()}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
