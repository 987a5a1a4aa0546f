"""What the served description has to say and is not said by types alone."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from litestar.openapi.spec import OpenAPI


def close(description: OpenAPI, forms: Sequence[type[msgspec.Struct]]) -> None:
    """Say of each form that takes no unknown field that it takes none."""
    closed = {form.__name__ for form in forms if form.__struct_config__.forbid_unknown_fields}
    components = description.components
    assert components is not None
    for name, schema in (components.schemas or {}).items():
        if name in closed:
            schema.additional_properties = False
