"""Which letters may share a request: as many as are allowed, and no address twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence

from severally.transport.letter import Letter
from severally.transport.skeleton import shape


def alike(letters: Sequence[Letter], most: int) -> Iterator[Sequence[Letter]]:
    """Those of one sender, language and build together: they can share a text."""

    def kind(letter: Letter) -> Hashable:
        sender = (letter.sender, letter.sender_name, letter.reply_to)
        return *sender, letter.locale, shape(letter.text), shape(letter.html)

    yield from _batches(letters, most, kind)


def distinct(letters: Sequence[Letter], most: int) -> Iterator[Sequence[Letter]]:
    """Whatever they say."""
    yield from _batches(letters, most, lambda letter: None)


def halves(letters: Sequence[Letter]) -> list[Sequence[Letter]]:
    """Both of them; one letter stays whole."""
    half = len(letters) // 2
    return [letters[:half], letters[half:]] if half else [letters]


def _batches(
    letters: Sequence[Letter], most: int, kind: Callable[[Letter], Hashable]
) -> Iterator[Sequence[Letter]]:
    groups: dict[Hashable, list[dict[str, Letter]]] = defaultdict(list)
    for letter in letters:
        group, box = groups[kind(letter)], letter.box.lower()
        batch = next((each for each in group if len(each) < most and box not in each), None)
        if batch is None:
            batch = {}
            group.append(batch)
        batch[box] = letter
    for group in groups.values():
        yield from (list(batch.values()) for batch in group)
