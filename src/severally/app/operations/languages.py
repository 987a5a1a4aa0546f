"""Who reads which language, and by which step: counted before anything is sent, never silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from severally.app.operations.results import LanguageLine
from severally.model.errors import Finding
from severally.model.languages import Step, negotiate
from severally.model.notice import Notice

_ORDER = tuple(Step)


def languages(
    notice: Notice, sent: Collection[str], asked: Mapping[str, int]
) -> tuple[LanguageLine, ...]:
    """`asked` counts the audience's locales; `sent` are those that have a stencil. The most
    read first, in each the best step first."""
    lines = [
        LanguageLine(wanted, *_found(notice, sent, wanted), count)
        for wanted, count in asked.items()
    ]
    readers = Counter[str]()
    for line in lines:
        readers[line.read] += line.recipients
    return tuple(
        sorted(
            lines,
            key=lambda line: (
                -readers[line.read],
                line.read,
                _ORDER.index(Step(line.step)),
                -line.recipients,
                line.wanted,
            ),
        )
    )


def _found(notice: Notice, sent: Collection[str], wanted: str) -> tuple[str, str]:
    read, step = negotiate(wanted, sent, notice.source_locale, notice.fallback)
    return read, step.value


def undeclared(notice: Notice, lines: Collection[LanguageLine]) -> Iterator[Finding]:
    """People who would read the source because nobody said what else."""
    left = [line for line in lines if line.step == Step.SOURCE]
    if left:
        count = sum(line.recipients for line in left)
        who = "one recipient" if count == 1 else f"{count:,} recipients"
        named = ", ".join(f"{line.wanted} {line.recipients:,}" for line in left[:8])
        more = f" and {len(left) - 8} more locales" if len(left) > 8 else ""
        yield Finding(
            f"notices/{notice.name}/notice.toml:1",
            f"{who} asked for a language that is not there and will read "
            f"{notice.source_locale}, the source: {named}{more}",
            f'translate it, or say so: [fallback] "*" = "{notice.source_locale}"',
            warning=True,
        )
