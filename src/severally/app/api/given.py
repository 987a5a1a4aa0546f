"""How a handler is given what belongs to the server: `office: Given[Office]`, matched by name."""

from __future__ import annotations

from typing import Annotated, TypeAlias, TypeVar

from litestar.di import Dependency
from litestar.params import SkipValidation

T = TypeVar("T")

Given: TypeAlias = Annotated[SkipValidation[T], Dependency(kind="named")]
"""Made before the first request; there is nothing in it to be validated."""
