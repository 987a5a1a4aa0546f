"""What each mailbox will be able to see, one module per way of sending.

Each states one provider's rule on its own: it needs nothing else of ours and can be used
alone, for example in another team's tests:

    from severally.guard import disclosure
    assert disclosure("POST", "https://api.sendgrid.com/v3/mail/send", headers, body).private
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field


class NotUnderstood(ValueError):
    """A request of which nobody can say who would see what; holds nothing of its content."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Mailbox -> every address that can be seen there, its own included (all lower case).

    `messages` counts what each mailbox gets, where a request makes several. `addressed` stand in
    the To, Cc or Bcc field of a finished message, whether or not this request writes to them.
    """

    visible: dict[str, frozenset[str]]
    messages: Mapping[str, int] = field(default_factory=dict)
    addressed: frozenset[str] = frozenset()

    @property
    def private(self) -> bool:
        """Whether no mailbox sees another recipient."""
        return not self.strangers()

    def strangers(self) -> dict[str, int]:
        """Mailbox -> how many other recipients it would see, where that is not none."""
        everyone = self.addressed.union(self.visible)
        seen = {box: len((shown & everyone) - {box}) for box, shown in self.visible.items()}
        return {box: count for box, count in seen.items() if count}

    def exactly(self, boxes: Collection[str]) -> bool:
        """Whether these mailboxes, and no others, get one message each that shows no other."""
        wanted = {box.lower() for box in boxes}
        once = all(self.messages.get(box, 1) == 1 for box in wanted)
        return self.visible.keys() == wanted and len(wanted) == len(boxes) and once and self.private

    def words(self) -> str:
        """What would happen, without an address."""
        strangers = self.strangers()
        if not strangers:
            return f"each of {len(self.visible):,} recipients would see no other"
        most = max(strangers.values())
        return f"each of {len(strangers):,} recipients would see {most:,} others"


def of(method: str, url: str, headers: Mapping[str, str], body: bytes | str) -> Disclosure:
    """Who would see whom if this request were sent to its provider. `url` is whole, or a path.

    Raises NotUnderstood where that cannot be said, or no provider has such an endpoint.
    """
    from severally.guard.disclosure.asking import asked  # its modules need what stands above

    return asked(method, url, headers, body)


class _Callable(types.ModuleType):
    """`severally.guard.disclosure(...)` is `severally.guard.disclosure.of(...)`."""

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | str
    ) -> Disclosure:
        return of(method, url, headers, body)


sys.modules[__name__].__class__ = _Callable
