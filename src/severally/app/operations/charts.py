"""Curves over time as a picture: SVG by ourselves, PNG by Chromium where it is installed."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from severally.app.office import Office
from severally.app.words import duration, number
from severally.model.errors import UsageError
from severally.model.view import View

_WIDTH, _HEIGHT = 1000, 600
_LEFT, _TOP, _RIGHT, _BOTTOM = 78, 56, 28, 46
_PAGE = '<!doctype html><meta charset="utf-8"><style>body{{margin:0}}svg{{display:block}}</style>{}'
_STYLE = "font-family:system-ui,sans-serif;font-size:13px"
_INK, _FILL = "#1d2330", "#dbe6fb"
_LINES = ("#2457c5", "#b3261e", "#8a5a00", "#1b6b3a")


def check(office: Office, file: Path) -> None:
    """Raises UsageError where it could not be drawn into this file."""
    if file.suffix not in (".svg", ".png"):
        raise UsageError(f"--chart {file.name}: write a name that ends in .png or .svg")
    if not file.parent.is_dir():
        raise UsageError(f"--chart {file.name}: there is no folder {file.parent}")
    if file.suffix == ".png" and office.wiring.find_camera() is None:
        raise UsageError("--chart: a PNG needs Chromium, which is not installed; write an .svg")


class Line(NamedTuple):
    """`points` hold (seconds, how many by then)."""

    name: str
    points: Sequence[tuple[float, int]]


class Panel(NamedTuple):
    """Lines on one scale. A single line is filled below."""

    title: str
    lines: Sequence[Line]


def write(office: Office, file: Path, title: str, curve: Sequence[tuple[float, int]]) -> None:
    """The curve of completion, as `draw` draws. `curve` holds (seconds, answered)."""
    draw(office, file, [Panel(title, [Line("", curve)])])


def draw(office: Office, file: Path, panels: Sequence[Panel]) -> None:
    """Draw them into a file that was checked, one below the other. Raises UsageError where the
    disk says no."""
    drawn = svg(panels)
    data = _photographed(office, drawn) if file.suffix == ".png" else drawn.encode()
    try:
        file.write_bytes(data)
    except OSError as error:
        raise UsageError(f"--chart {file.name}: cannot be written: {error.strerror}") from None


def svg(panels: Sequence[Panel]) -> str:
    """The whole picture, all panels over the same time."""
    ends = max((line.points[-1][0] for p in panels for line in p.lines if line.points), default=0.0)
    height = _HEIGHT * len(panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
        f' viewBox="0 0 {_WIDTH} {height}" style="{_STYLE}" role="img">',
        f"<title>{_text(panels[0].title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for number_, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {_HEIGHT * number_})">', *_panel(panel, ends), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(panel: Panel, ends: float) -> Iterator[str]:
    total = max((line.points[-1][1] for line in panel.lines if line.points), default=0)
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(seconds: float, done: float) -> str:
        x = _LEFT + across * (seconds / ends if ends else 0)
        y = _TOP + down * (1 - (done / total if total else 0))
        return f"{x:.1f},{y:.1f}"

    yield (
        f'<text x="{_LEFT}" y="30" font-size="16" font-weight="600" fill="{_INK}">'
        f"{_text(panel.title)}</text>"
    )
    drawn = [" ".join(at(*point) for point in ((0.0, 0), *line.points)) for line in panel.lines]
    if len(drawn) == 1:
        last = panel.lines[0].points[-1][0] if panel.lines[0].points else 0.0
        yield f'<polygon points="{drawn[0]} {at(last, 0)}" fill="{_FILL}"/>'
    for quarter in range(5):
        yield from _grid(quarter, at, ends, total)
    for place, (line, points) in enumerate(zip(panel.lines, drawn, strict=True)):
        colour = _LINES[place % len(_LINES)]
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>'
        if line.name:
            many = line.points[-1][1] if line.points else 0
            yield (
                f'<text x="{_WIDTH - _RIGHT - 150 * (len(drawn) - place)}" y="30" font-size="14"'
                f' fill="{colour}">— {_text(line.name)} {number(many)}</text>'
            )


def _grid(quarter: int, at: Callable[[float, float], str], ends: float, total: int) -> list[str]:
    """One line across and its count, one tick and its time."""
    x, y = at(ends * quarter / 4, total * quarter / 4).split(",")
    dashes = ' stroke-dasharray="3 4"' if quarter else ""
    count, time = number(round(total * quarter / 4)), duration(ends * quarter / 4) if quarter else 0
    return [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#8b93a3"{dashes}/>',
        f'<text x="{_LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end" fill="{_INK}">'
        f"{count}</text>",
        f'<text x="{x}" y="{_HEIGHT - 20}" text-anchor="middle" fill="{_INK}">{time}</text>',
    ]


def _text(words: str) -> str:
    return html.escape(words, quote=False)


def _photographed(office: Office, drawn: str) -> bytes:
    camera = office.wiring.find_camera()
    assert camera is not None, "checked"
    with tempfile.TemporaryDirectory() as folder, camera as open_camera:
        page = Path(folder) / "chart.html"
        page.write_text(_PAGE.format(drawn), "utf-8")
        (picture,) = open_camera.pictures(page, [View("chart", _WIDTH)])
        return picture.png
