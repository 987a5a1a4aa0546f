"""What the layout promises, measured in Debian's Chromium on messages in both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.workshop import run

from severally.adapters.chromium import Chromium
from severally.model.view import VIEWS, Light, View

EXAMPLES = Path(__file__).parents[2] / "examples"
MEASURE = """
(() => {
  const channel = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) =>
    0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const behind = node => {
    for (let e = node; e; e = e.parentElement) {
      const [r, g, b, a] = rgb(getComputedStyle(e).backgroundColor);
      if (a === undefined || a > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility({opacityProperty: true})) continue;
    if (element.closest('style')) continue;
    const ink = luminance(rgb(getComputedStyle(element).color));
    const paper = luminance(behind(element));
    const [high, low] = ink > paper ? [ink, paper] : [paper, ink];
    const size = parseFloat(getComputedStyle(element).fontSize);
    found.push({text: text.slice(0, 40), contrast: (high + 0.05) / (low + 0.05), size});
  }
  const targets = [...document.querySelectorAll('.button a')].map(a => {
    const box = a.getBoundingClientRect();
    return Math.min(box.width, box.height);
  });
  const content = getComputedStyle(document.querySelector('.content'));
  return {found, targets, direction: content.direction, align: content.textAlign,
          headings: [...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName),
          images: document.images.length, lang: document.documentElement.lang};
})()
"""

PAGES = [("liquidation", "ar"), ("security-incident", "de"), ("withdrawal-confirmation", "ja")]
"""Tables, lists and buttons; both directions; long words, and text without spaces."""
pytestmark = pytest.mark.server("chromium")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("look")
    for notice, locale in PAGES:
        done = run(
            "--workspace", EXAMPLES, "preview", notice, "--locale", locale,
            "--no-pictures", "--out", folder / notice,
        )  # fmt: skip
        assert done.code == 0, done.everything
    return folder


def measured(chromium: Chromium, page: Path, view: View) -> dict[str, Any]:
    (picture,) = chromium.pictures(page, (view,))
    assert picture.overflow == 0, f"{page.name} {view.name}: {picture.overflow} px too wide"
    said = chromium.call("Runtime.evaluate", expression=MEASURE, returnByValue=True)
    value: dict[str, Any] = said["result"]["value"]
    return value


@pytest.mark.parametrize(("notice", "locale"), PAGES)
def test_every_view(chromium: Chromium, pages: Path, notice: str, locale: str) -> None:
    page = pages / notice / f"{locale}.html"
    for view in VIEWS:
        said = measured(chromium, page, view)
        assert len(said["found"]) > 15
        if view.light is not Light.INVERTED:  # those colours are the mail program's, not ours
            poor = [each for each in said["found"] if each["contrast"] < 4.5]
            assert not poor, f"{view.name}: WCAG 1.4.3 asks for 4.5:1"
        assert min(each["size"] for each in said["found"]) >= 14
        assert min(said["targets"]) >= 44, "WCAG 2.5.5"
        rtl = locale == "ar"
        assert said["direction"] == ("rtl" if rtl else "ltr")
        assert said["align"] == ("right" if rtl else "left")
        assert said["headings"][0] == "H1"
        assert said["headings"].count("H1") == 1
        assert set(said["headings"][1:]) == {"H2"}
        assert said["images"] == 0, "nothing is lost where pictures are not shown"
        assert said["lang"] == locale
