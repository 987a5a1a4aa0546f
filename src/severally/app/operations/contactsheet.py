"""One page with every picture of a preview, to look at them all at once."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from severally.model.view import VIEWS, Picture

_SCALE = 0.5
_STYLE = """
body { margin: 0; padding: 24px; background: #d9dee6; color: #1b2430;
  font: 14px/1.5 'Noto Sans', 'Segoe UI', sans-serif; }
h1 { margin: 0 0 4px; font-size: 22px; }
p { margin: 0 0 20px; }
table { border-collapse: collapse; }
th { padding: 6px 8px; text-align: left; vertical-align: top; white-space: nowrap; }
td { padding: 6px 8px; vertical-align: top; }
th small { display: block; max-width: 150px; font-weight: 400; white-space: normal; }
img { display: block; box-shadow: 0 1px 4px #0006; }
.over { color: #b3261e; font-weight: 700; }
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One message on the sheet. `pictures` by the view's name, `files` by the picture's."""

    stem: str
    title: str
    note: str
    pictures: Mapping[str, Picture]
    files: Mapping[str, str]


def contact_sheet(notice: str, about: str, lines: Sequence[Line]) -> str:
    """The page, with links to the files beside it; a line for each message, a column for each
    way of looking at it."""
    heads = "".join(f'<th scope="col">{view.name.replace("-", " ")}</th>' for view in VIEWS)
    rows = "\n".join(map(_row, lines))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(notice)}: preview</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{html.escape(notice)}</h1>\n<p>{html.escape(about)}</p>\n"
        f"<table>\n<tr><td></td>{heads}</tr>\n{rows}\n</table>\n</body>\n</html>\n"
    )


def sheet_width() -> int:
    """How wide the page is, in CSS pixels."""
    return round(sum(view.width * _SCALE + 16 for view in VIEWS)) + 220


def _row(line: Line) -> str:
    stem = html.escape(line.stem)
    links = " ".join(f'<a href="{stem}.{kind}">{kind}</a>' for kind in ("html", "txt", "eml"))
    head = f"{html.escape(line.title)}<small>{html.escape(line.note)}</small><small>{links}</small>"
    cells = "".join(_cell(line, view.name) for view in VIEWS)
    return f'<tr><th scope="row">{head}</th>{cells}</tr>'


def _cell(line: Line, view: str) -> str:
    picture = line.pictures.get(view)
    if picture is None:
        return "<td>no picture</td>"
    file = html.escape(line.files[view])
    width = round(picture.content_width * _SCALE)
    over = f'<span class="over">{picture.overflow} px too wide</span>' if picture.overflow else ""
    alt = html.escape(f"{line.title}, {view.replace('-', ' ')}")
    image = f'<img src="{file}" width="{width}" alt="{alt}">'
    return f'<td><a href="{file}">{image}</a>{over}</td>'
