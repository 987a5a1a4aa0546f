"""Language negotiation: which language somebody reads, and by which step."""

from __future__ import annotations

import pytest

from severally.model.languages import Step, negotiate, pick_locale

THERE = ("en", "pt-BR", "zh-Hans", "zh-Hant", "es")


@pytest.mark.parametrize(
    ("wanted", "read", "step"),
    [
        ("en", "en", Step.EXACT),
        ("en-GB", "en", Step.BROADER),
        ("zh-Hant-HK", "zh-Hant", Step.BROADER),
        ("zh-TW", "zh-Hant", Step.BROADER),
        ("zh-SG", "zh-Hans", Step.BROADER),
        ("zh", "zh-Hans", Step.BROADER),
        ("es-MX", "es", Step.BROADER),
        ("pt", "pt-BR", Step.RELATED),
        ("pt-AO", "pt-BR", Step.RELATED),
        ("sv", "en", Step.SOURCE),
        ("sr-Latn", "en", Step.SOURCE),
    ],
)
def test_without_a_declared_fallback(wanted: str, read: str, step: Step) -> None:
    found = negotiate(wanted, THERE, "en", {})
    assert found[0] == read
    assert found[1] is step
    assert pick_locale(wanted, THERE, "en", {}) == read


@pytest.mark.parametrize(
    ("wanted", "there", "read", "step"),
    [
        ("zh-TW", ("en", "zh-Hans"), "zh-Hans", Step.DECLARED),
        ("ja", ("en", "de"), "de", Step.DECLARED),
        ("pt-AO", ("en", "de", "pt-BR", "pt-PT"), "pt-PT", Step.BROADER),
        ("en-NZ", ("de", "en-GB", "en-US"), "en-US", Step.RELATED),
    ],
)
def test_with_declared_fallbacks(
    wanted: str, there: tuple[str, ...], read: str, step: Step
) -> None:
    fallback = {"zh-Hant": "zh-Hans", "*": "de"}
    assert negotiate(wanted, there, "en", fallback) == (read, step)


def test_a_script_is_never_crossed() -> None:
    assert negotiate("zh-Hant-HK", ("en", "zh"), "en", {}) == ("en", Step.SOURCE)
    assert negotiate("sr-Latn", ("en", "sr"), "en", {}) == ("en", Step.SOURCE)
