"""Links of a notice, followed as somebody who clicks would: do they answer?

Responsible for one link at a time, over real HTTP, within seconds, and only to hosts that the
notice lists. Not for which links are followed (`deliver.linked`), nor for what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from severally.model.observed import Answered, Followed

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 5.0
"""For a connection, and for each answer."""
WHOLE_S = 10.0
_HOPS = 5
_GONE = range(400, 500)
_NOT_FOR_PROGRAMS = frozenset({401, 403, 405, 407, 408, 425, 429})
"""What sites say to whoever is not signed in, or is no browser: it may well be there."""
_AGENT = "severally (a link in a notice is looked at before it is sent)"


class WebLinks:
    """`ports.Links`. `allowed` says whether this workspace reaches a host at all."""

    def __init__(
        self,
        allowed: Callable[[str], bool],
        monotonic: Callable[[], float],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._allowed = allowed
        self._monotonic = monotonic
        self._transport = transport

    def follow(self, url: str, hosts: Collection[str]) -> Followed:
        """What a GET says. Words name hosts and never what stands behind them."""
        import httpx  # by whoever follows a link, not by every verb

        deadline = self._monotonic() + WHOLE_S
        with httpx.Client(
            timeout=TIMEOUT_S,
            headers={"User-Agent": _AGENT},
            transport=self._transport,
            trust_env=False,  # as a customer would, and no referrer, no cookie
        ) as client:
            for _ in range(_HOPS):
                here = httpx.URL(url)
                if refused := self._refused(here, hosts):
                    return refused
                if self._monotonic() > deadline:
                    break
                answer = _asked(client, here)
                if isinstance(answer, Followed):
                    return answer
                url = str(here.join(answer))
        return Followed(Answered.UNKNOWN, f"{httpx.URL(url).host} leads on and on")

    def _refused(self, url: httpx.URL, hosts: Collection[str]) -> Followed | None:
        if url.scheme not in ("http", "https") or url.host not in hosts:
            return Followed(
                Answered.WRONG,
                f"it leads to {url.host or 'no host'}, which link_hosts does not list",
            )
        if not self._allowed(url.host):
            return Followed(Answered.UNKNOWN, f"this trial workspace does not reach {url.host}")
        return None


def _asked(client: httpx.Client, url: httpx.URL) -> Followed | str:
    """What it says, or where it leads on to."""
    import httpx

    try:
        with client.stream("GET", url) as response:
            status, place = response.status_code, response.headers.get("Location", "")
    except httpx.HTTPError as error:
        return Followed(Answered.UNKNOWN, f"{url.host} does not answer ({type(error).__name__})")
    if response.is_redirect and place:
        return str(place)
    if 200 <= status < 300:
        return Followed(Answered.RIGHT, "")
    if status in _GONE and status not in _NOT_FOR_PROGRAMS:
        return Followed(Answered.WRONG, f"{url.host} says {status} to it")
    return Followed(Answered.UNKNOWN, f"{url.host} says {status} to it")
