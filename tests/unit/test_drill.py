"""How far a drill has come, read from a record; and the notice that its page shows."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from severally.app.drill.course import NAMES, result_of, steps
from severally.model.entries import Act

PAGE = (Path(__file__).parents[2] / "docs" / "drill.md").read_text("utf-8")
ACTS = [
    Act(110.0, "m", "proposed", "digest"),
    Act(130.0, "m", "break-glass", "incident"),
    Act(140.0, "m", "canary"),
    Act(142.0, "m", "waits", "sentinels: wait: nothing arrived yet"),
    Act(150.0, "m", "step 0 opened"),
    Act(151.0, "m", "step 1 opened"),
    Act(160.0, "m", "waits", "break-glass: waits: 1,000 recipients at most"),
    Act(170.0, "m", "acknowledged"),
    Act(180.0, "m", "done"),
    Act(190.0, "m", "reviewed"),
]


def test_every_step_and_how_long_it_took() -> None:
    reached = steps(100.0, 104.0, ACTS)
    assert tuple(step.step for step in reached) == NAMES
    assert [step.took_s for step in reached] == [4, 6, 20, 10, 10, 1, 9, 10, 10, 10]
    assert sum(step.took_s for step in reached) == reached[-1].at_s == 90


def test_the_canary_is_what_counts() -> None:
    assert result_of("m", True, steps(100.0, 104.0, ACTS)).to_canary_s == 50.0
    given_up = result_of("m", True, steps(100.0, 104.0, ACTS[:3]))
    assert (given_up.to_canary_s, given_up.exit_code) == (0.0, 5)
    late = result_of("m", True, steps(-500.0, 104.0, ACTS))
    assert late.exit_code == 5, "more than ten minutes"


def test_nothing_was_done_yet() -> None:
    assert steps(100.0, 0.0, []) == ()


def test_the_page_shows_the_notice_that_the_drill_writes() -> None:
    (shown,) = re.findall(r"(?ms)^```toml\n(.*?)^```", PAGE)
    folder = resources.files("severally.app.drill") / "notice"
    assert (folder / "notice.toml").read_text("utf-8") == shown
