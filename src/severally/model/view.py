"""How a message is looked at: on which screen, in which light; and the picture of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Light(StrEnum):
    """What the reader's program does with colours."""

    LIGHT = "light"
    DARK = "dark"
    """It asks for the dark ones (`prefers-color-scheme: dark`)."""
    INVERTED = "inverted"
    """It ignores what the message offers and darkens it by its own rules."""


class View(msgspec.Struct, frozen=True):
    """`width` in CSS pixels; `touch`: a telephone, which obeys the viewport's meta element."""

    name: str
    width: int
    light: Light = Light.LIGHT
    touch: bool = False


class Picture(msgspec.Struct, frozen=True):
    """A whole page. `content_width`: what it needs; more than the view's overflows."""

    view: View
    png: bytes
    content_width: int
    height: int

    @property
    def overflow(self) -> int:
        """How many pixels stand outside the screen."""
        return max(0, self.content_width - self.view.width)


DESKTOP, PHONE, NARROW = 800, 375, 320
VIEWS = (
    *(
        View(f"{light}-{name}", width, light, touch)
        for light in (Light.LIGHT, Light.DARK)
        for name, width, touch in (
            ("desktop", DESKTOP, False),
            ("phone", PHONE, True),
            ("narrow", NARROW, True),
        )
    ),
    View("inverted-phone", PHONE, Light.INVERTED, True),
)
"""Every way a preview shows a message. 320 is the narrowest screen still in use (WCAG 1.4.10)."""
