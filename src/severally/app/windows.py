"""`[windows]`: the hours in which notices of each kind may leave, where each recipient is.

Responsible for what is written there, and for which hours hold for one mailing. Not for when they
are open (`pace.calendar`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from severally.app.strict import TomlFile
from severally.model.mailing import Frozen
from severally.model.notice import Kind
from severally.model.schedule import Schedule, Window, parse_window

if TYPE_CHECKING:
    from severally.notice.compiling import Compiled

Windows = Mapping[Kind, Window | None]


def read_windows(file: TomlFile) -> dict[Kind, Window | None]:
    """What severally.toml says; mistakes are added to its findings."""
    windows: dict[Kind, Window | None] = {}
    raw = file.data.get("windows", {})
    if not isinstance(raw, dict):
        file.problem("windows", "must be a table", 'write marketing = "mon-fri 09:00-18:00" in it')
        return windows
    for kind, text in raw.items():
        path = f"windows.{kind}"
        if kind not in list(Kind):
            file.problem(path, f"there is no kind {kind!r}", f"kinds are {', '.join(Kind)}")
        elif not isinstance(text, str):
            file.problem(path, "must be text", '"mon-fri 09:00-18:00"')
        else:
            try:
                windows[Kind(kind)] = parse_window(text)
            except ValueError as error:
                file.problem(path, str(error))
    return windows


def scheduled(frozen: Frozen, draft: Compiled, windows: Windows, start: float | None) -> Frozen:
    """With its times: as notice.toml says, else the workspace's window; `start` goes before."""
    said = draft.times
    window = said.window
    if window is msgspec.UNSET:
        window = windows.get(draft.notice.kind)
    times = Schedule(said.start if start is None else start, said.by, window)
    return frozen if times == Schedule() else msgspec.structs.replace(frozen, schedule=times)
