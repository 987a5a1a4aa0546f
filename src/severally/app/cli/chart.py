"""A curve of completion in a terminal: eighths of a block, time to the right.

Responsible for the drawing alone. `operations.charts` draws the same as a picture.
"""

from __future__ import annotations

from collections.abc import Sequence

from severally.app.words import duration

Curve = Sequence[tuple[float, int]]
_BLOCKS = " ▁▂▃▄▅▆▇█"
_EIGHTHS = 8


def share_at(curve: Curve, at: float, total: int) -> float:
    """The share of `total` that was answered by then: as far as the points say."""
    done = 0
    for when, count in curve:
        if when > at:
            break
        done = count
    return done / total if total else 0.0


def area(curve: Curve, width: int = 60, height: int = 6) -> list[str]:
    """Lines of text: the share answered against time, with both axes."""
    if not curve:
        return []
    ends, total = curve[-1]
    columns = [share_at(curve, ends * (n + 1) / width, total) for n in range(width)]
    filled = [round(share * height * _EIGHTHS) for share in columns]
    lines = []
    for row in range(height, 0, -1):
        cells = (min(max(each - (row - 1) * _EIGHTHS, 0), _EIGHTHS) for each in filled)
        mark = f"{round(100 * row / height)} %" if row in (height, height // 2) else ""
        lines.append(f"{mark:>6} ┤{''.join(_BLOCKS[cell] for cell in cells)}".rstrip())
    half, end = duration(ends / 2), duration(ends)
    lines.append(f"{'0 %':>6} └{'─' * width}")
    gap = width // 2 - len(half) // 2 - 1
    rest = width - gap - 1 - len(half) - len(end)
    lines.append(f"{'':8}0{' ' * gap}{half}{' ' * rest}{end}")
    return lines
