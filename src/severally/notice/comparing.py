"""A translation against its source: what a reader would be told differently.

A translation may move variables and links, choose by number and gender where its source does
not, and write figures its own way. It may not lose, invent or change any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from severally.notice.figures import changed
from severally.notice.naming import hosts_in, near
from severally.notice.phrase import Leaf, Phrase, Problem

_LONGER = 4
_SHORT = 300
"""Letters that any translation may have; beyond, four times its source is not one any more."""


def differences(
    source: Phrase, source_locale: str, target: Phrase, locale: str
) -> Iterator[Problem]:
    """Everything a translation changed, each problem once."""
    yield from dict.fromkeys(_all(source, source_locale, target, locale))


def _all(source: Phrase, source_locale: str, target: Phrase, locale: str) -> Iterator[Problem]:
    yield from _variables(source, target)
    for leaf in target.leaves:
        yield from _links(source, leaf)
        yield from _markup(source, leaf)
        yield from _figures(source, source_locale, leaf, locale)
        yield from _length(source, leaf)
    foreign = target.addresses - source.addresses
    if foreign:
        yield "a mail address that the source does not have", "remove it"


# --- variables


def _variables(source: Phrase, target: Phrase) -> Iterator[Problem]:
    """Always shown in the source: shown in every alternative, unless the case tells it. Shown
    somewhere in the source: may be shown. Anything else is invented."""
    shown = [set(leaf.inline.variables) | leaf.certain for leaf in source.leaves]
    always = set.intersection(*shown)
    allowed = set.union(*shown) | set(source.deciding)
    lost: dict[str, None] = {}
    invented: dict[str, None] = {}
    for leaf in target.leaves:
        here = set(leaf.inline.variables)
        lost.update(dict.fromkeys(sorted(always - here - leaf.certain)))
        invented.update(dict.fromkeys(sorted(here - allowed)))
    for name in lost:
        meant = near(name, [*invented])
        if meant:
            del invented[meant]
            yield (
                f"the translation says {{{{ {meant} }}}} where the source says {{{{ {name} }}}}",
                f"did you mean {{{{ {name} }}}}?",
            )
        else:
            yield f"the translation lost {{{{ {name} }}}}", _where_to_write(name, target)
    for name in invented:
        yield f"the translation invented {{{{ {name} }}}}", "only the source's variables are shown"
    yield from _repeated(source, target)


def _where_to_write(name: str, target: Phrase) -> str:
    if len(target.leaves) > 1 and any(name in leaf.inline.variables for leaf in target.leaves):
        if name in target.deciding:
            return "write # in every case that more than one number falls into"
        return "write it in every alternative"
    return "write it where it belongs in this language"


def _repeated(source: Phrase, target: Phrase) -> Iterator[Problem]:
    most = Counter[str]()
    for leaf in source.leaves:
        most |= Counter(leaf.inline.variables)
    for leaf in target.leaves:
        for name, count in Counter(leaf.inline.variables).items():
            if count > most[name] + 1:
                yield f"{{{{ {name} }}}} stands {count} times", "say it as often as the source does"


# --- links, markup, figures, length


def _links(source: Phrase, leaf: Leaf) -> Iterator[Problem]:
    targets = Counter(leaf.inline.targets)
    if not any(targets == Counter(each.inline.targets) for each in source.leaves):
        yield (
            "the translation changed a link target",
            "links lead to the same place in every language",
        )
    named = {host for each in source.leaves for host, _ in hosts_in(each.inline.words)}
    for host, with_scheme in hosts_in(leaf.inline.words):
        if host not in named and not with_scheme:
            yield f"the address of {host}, which the source does not have", "remove it"


def _markup(source: Phrase, leaf: Leaf) -> Iterator[Problem]:
    def marks(each: Leaf) -> Counter[str]:
        return Counter(
            "`code`" if span.kind == "code" else {"strong": "**", "em": "*"}[span.value]
            for span in each.inline.spans
            if span.kind == "code" or (span.kind == "open" and span.value in ("strong", "em"))
        )

    here = marks(leaf)
    if leaf.inline.problems or any(here == marks(each) for each in source.leaves):
        return
    wanted = marks(source.leaves[-1])
    changed_marks = sorted((wanted - here) | (here - wanted))
    yield (
        f"broken markup: not as many {' and '.join(changed_marks)} as in the source",
        "mark the same words as the source does",
    )


def _figures(source: Phrase, source_locale: str, leaf: Leaf, locale: str) -> Iterator[Problem]:
    """Against the alternative of the source that it agrees with best."""
    words = leaf.inline.words
    found = [changed(each.inline.words, source_locale, words, locale) for each in source.leaves]
    for problem in min(found, key=len):
        yield f"a number or date changed: {problem}", "write every figure that the source writes"


def _length(source: Phrase, leaf: Leaf) -> Iterator[Problem]:
    longest = max(len(each.inline.words) for each in source.leaves)
    if len(leaf.inline.words) > max(_SHORT, _LONGER * longest):
        yield (
            f"{len(leaf.inline.words):,} characters for {longest:,} of the source",
            "say what the source says, no more",
        )
