"""What a batch says alike is said once, and putting the values back gives each text to the byte."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from severally.guard.disclosure.shown import in_text
from severally.transport.skeleton import Slots, stem

words = st.text("ab <>\n@.é&", max_size=12)
texts = st.lists(st.tuples(words, words, words).map("<p>".join), min_size=1, max_size=5)


@given(texts, texts)
def test_values_put_back_give_each_text_again(first: list[str], second: list[str]) -> None:
    count = min(len(first), len(second))
    slots = Slots()
    for batch in (first[:count], second[:count]):
        skeleton = slots.share(batch)
        for at, text in enumerate(batch):
            assert skeleton.text(lambda slot, at=at: slots.values[slot][at]) == text


@given(texts)
def test_no_value_is_a_part_of_a_word(batch: list[str]) -> None:
    """Half an address could be somebody else's."""
    slots = Slots()
    tagged = slots.share(batch).text(lambda slot: "\0")
    assert re.search("[ab@.é]\0|\0[ab@.é]", tagged) is None


@given(texts)
def test_a_stem_stands_nowhere(batch: list[str]) -> None:
    assert not any(stem(batch) in text for text in batch)


_ADDRESS = re.compile(r"[^\s<>\"'(),:;=&?/\[\]\\]+@[^\s<>\"'(),:;=&?/\[\]\\]+")


@given(st.text("a@. <\u00a0\x1c\x85", max_size=30))
@example("@a@")
@example("a@@")
def test_addresses_in_a_text_are_those_of_the_plain_pattern(text: str) -> None:
    """The quick search finds what the pattern that says what an address is would find."""
    plain = {m[0].strip(".!*-").lower() for m in _ADDRESS.finditer(text)}
    assert set(in_text(text)) == plain
