"""What each mailbox will be able to see, one module per way of sending.

Each states one provider's rule on its own: it needs nothing else of ours and can be used
alone, for example in another team's tests.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Mailbox -> every address that can be seen there, its own included (all lower case)."""

    visible: dict[str, frozenset[str]]

    @property
    def private(self) -> bool:
        """Whether no mailbox sees another recipient."""
        return not self.strangers()

    def strangers(self) -> dict[str, int]:
        """Mailbox -> how many other recipients it would see, where that is not none."""
        everyone = frozenset(self.visible)
        seen = {box: len((shown & everyone) - {box}) for box, shown in self.visible.items()}
        return {box: count for box, count in seen.items() if count}

    def words(self) -> str:
        """What would happen, without an address."""
        strangers = self.strangers()
        if not strangers:
            return f"each of {len(self.visible):,} recipients would see no other"
        most = max(strangers.values())
        return f"each of {len(strangers):,} recipients would see {most:,} others"
