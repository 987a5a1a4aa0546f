"""The HTTP side of a workspace: which endpoints there are, and the rules that hold for all.

`ROUTERS` is the one place where a new group of endpoints is listed. A handler asks for the open
workspace with an argument `office: Given[Office]`; work that waits for the ledger is a plain
function (`sync_to_thread=True`), so that nothing holds the loop. Every error leaves as a problem
document (`problems`), nothing personal enters a log line (`requests`), and no body is larger
than `[serve] max_body`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from severally import __version__
from severally.app.api.access import KEY, RING
from severally.app.api.description import close
from severally.app.api.health import health
from severally.app.api.messages import FORMS
from severally.app.api.problems import HANDLERS
from severally.app.api.requests import Watched, Watching
from severally.app.api.unsubscribing import unsubscribing
from severally.app.office import Office

ROUTERS: tuple[Any, ...] = (health, unsubscribing)
"""Every group of endpoints that needs the open workspace alone: Litestar routers, controllers or
handlers. What needs more comes with the part that makes it (`Served.routers`)."""
OPEN_API = "/v1"
"""Below it the description is served, as `openapi.json`."""


def make_app(
    office: Office, watched: Watched, routers: Sequence[Any] = ROUTERS, **extra: Any
) -> Watching:
    """The application over an open workspace. `extra` are further dependencies by name."""
    app = Litestar(
        state=State({RING: extra.get("ring")}),
        route_handlers=list(routers),
        dependencies={
            name: Provide(_given(value), sync_to_thread=False, use_cache=True)
            for name, value in {"office": office, "watched": watched, **extra}.items()
        },
        exception_handlers=HANDLERS,
        request_max_body_size=office.workspace.serve.max_body,
        openapi_config=OpenAPIConfig(
            title="Severally",
            version=__version__,
            description="Urgent messages, one recipient each; and what providers report.",
            path=OPEN_API,
            render_plugins=[JsonRenderPlugin()],
            components=Components(
                security_schemes={KEY: SecurityScheme(type="http", scheme="bearer")}
            ),
            use_handler_docstrings=True,
        ),
        logging_config=None,
        debug=False,
    )
    close(app.openapi_schema, FORMS)
    return Watching(app, watched)


def _given(value: Any) -> Any:
    def give() -> Any:
        return value

    return give
