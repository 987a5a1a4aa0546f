"""Issue 3, item 1: the five examples are clean, and every picture of them is as it should be.

Previews five notices in twelve languages and seven views with Debian's Chromium, and measures
each page in it: overflow, direction, contrast, thumbs. The contact sheets stay in the folder
that is printed, to be looked at: `make prove P=look`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.e2e.test_look import EXAMPLES, measured
from tests.workshop import run

from severally.adapters.chromium import Chromium, find_chromium
from severally.model.view import VIEWS, Light

NOTICES = sorted(path.name for path in (EXAMPLES / "notices").iterdir())


def main() -> int:
    program = find_chromium()
    if program is None:
        print("look: no Chromium here; run `make servers`")
        return 1
    out = Path(tempfile.mkdtemp(prefix="severally-look-"))
    good = True
    for notice in NOTICES:
        good &= previewed(notice, out / notice)
    with Chromium(program) as chromium:
        for notice in NOTICES:
            good &= looked_at(chromium, out / notice)
    print(f"look: {'all hold' if good else 'NOT all hold'}; the contact sheets are in {out}")
    return 0 if good else 1


def previewed(notice: str, out: Path) -> bool:
    """Checked clean, pictured whole, nothing found in the pictures."""
    checked = run("--workspace", EXAMPLES, "check", notice, "--json")
    ran = run("--workspace", EXAMPLES, "preview", notice, "--out", out, "--json")
    pictures = len(list((out / "pictures").glob("*.png")))
    findings = [*checked.said["findings"], *ran.said["findings"]]
    whole = pictures == len(ran.said["cases"]) * len(VIEWS)
    good = not checked.code and not ran.code and not findings and whole
    print(
        f"1 {notice}: check ends with {checked.code}, {len(ran.said['cases'])} languages, "
        f"{pictures} pictures, {len(findings)} findings (overflow, fonts): "
        f"{'ok' if good else 'NOT OK'}",
        flush=True,
    )
    return good


def looked_at(chromium: Chromium, out: Path) -> bool:
    """Direction and thumbs in each view, contrast where the colours are ours."""
    contrast, thumb, wrong = 21.0, 1000.0, 0
    pages = sorted(path for path in out.glob("*.html") if path.stem != "contact-sheet")
    for page in pages:
        for view in VIEWS:
            said = measured(chromium, page, view)
            if view.light is not Light.INVERTED:
                contrast = min(contrast, *(each["contrast"] for each in said["found"]))
            thumb = min(thumb, *said["targets"])
            wrong += said["direction"] != ("rtl" if page.stem.split("-")[0] == "ar" else "ltr")
    good = contrast >= 4.5 and thumb >= 44 and not wrong
    print(
        f"1 {out.name}: {len(pages) * len(VIEWS)} pages measured: least contrast "
        f"{contrast:.2f}:1, smallest button {thumb:.0f} px, {wrong} in a wrong direction: "
        f"{'ok' if good else 'NOT OK'}",
        flush=True,
    )
    return good


if __name__ == "__main__":
    sys.exit(main())
