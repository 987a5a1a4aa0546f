"""Sending through a provider's API: runs become requests, requests are sealed, sent, answered.

Responsible for what all providers share: pooled connections, a limit of requests under way,
what is in doubt, and taking apart a batch that was refused for one message's sake. One
provider's shapes and words are its own module's. Never sends a POST again that may have been
acted upon, but for providers that know a repeated key.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from severally.model.envelope import Refusal, Sealed
from severally.model.errors import Halted
from severally.model.lane import Lane
from severally.model.outcome import Ending, Outcome, Reply
from severally.model.request import HttpRequest, SealedRequest, request_digest
from severally.ports import ConnectFailed
from severally.transport.answers import Answer, Judged
from severally.transport.batches import halves
from severally.transport.letter import Letter, Unsupported, letter_of

if TYPE_CHECKING:
    import httpx

Seal = Callable[[HttpRequest, Sequence[Sealed]], SealedRequest | Refusal]
"""The guard, asked about a finished request and the sealed messages it is made of."""
Report = Callable[[Sealed, Outcome], None]
AGAIN_S = (1.0, 5.0, 20.0)
"""Pauses before the same request with the same key is sent again, where the provider knows it."""
ANSWER_BYTES = 4_000_000
"""No answer is read further: Postmark's for 500 messages is 100 KB."""
_KEEP_S = 4.0
"""Idle connections are closed before a provider's side may do it unseen."""


class Secret:
    """A credential. It is in no repr, and is revealed where a request leaves."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"


class Provider(Protocol):
    """One provider's way of putting things."""

    @property
    def url(self) -> str:
        """Where its API is."""
        ...

    @property
    def idempotent(self) -> bool:
        """Whether a request sent twice with one key is acted upon once."""
        ...

    def fits(self, letter: Letter) -> None:
        """Raises Unsupported for what its API has no words for."""
        ...

    def requests(self, letters: Sequence[Letter]) -> Iterable[tuple[HttpRequest, Sequence[Letter]]]:
        """As few requests as can carry these, all of which fit."""
        ...

    def authorized(self, request: HttpRequest, now: float) -> Mapping[str, str]:
        """Headers with the credentials, made when it leaves."""
        ...

    def judged(self, answer: Answer, batch: Sequence[Letter], now: float) -> Judged:
        """What the answer says about each; of a single message it is never left open."""
        ...


@dataclass(frozen=True)
class Patience:
    """Seconds. An answer is waited for long: whoever gives up early makes doubt."""

    connect_s: float = 10.0
    answer_s: float = 120.0
    again_s: tuple[float, ...] = AGAIN_S


@dataclass(frozen=True)
class _Job:
    """A sealed request and the messages it carries."""

    sealed: SealedRequest
    letters: Sequence[Letter]


class ApiTransport:
    """`ports.Transport` for one provider. `connections`: requests under way at once."""

    def __init__(
        self,
        provider: Provider,
        seal: Seal,
        wall: Callable[[], float],
        connections: int = 0,
        patience: Patience | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.provider = provider
        self.seal = seal
        self.wall = wall
        self.patience = patience or Patience()
        self.pause = pause
        self.slots = asyncio.Semaphore(connections or 1_000)
        self._client: httpx.AsyncClient | None = None

    def endpoint(self, lane: Lane) -> str:
        """All lanes share the provider's connections."""
        return self.provider.url

    async def connect(self, lane: Lane, first: Sealed) -> ApiConnection:
        """See that the provider can be reached. Raises ConnectFailed."""
        place = urllib.parse.urlsplit(self.provider.url)
        port = place.port or (443 if place.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self.patience.connect_s):
                _, writer = await asyncio.open_connection(place.hostname, port)
        except TimeoutError:
            text = f"{place.hostname} did not answer in {self.patience.connect_s:g} s"
            raise ConnectFailed(Reply(0, "", text)) from None
        except OSError as error:
            text = f"{place.hostname}:{port}: {error.strerror or 'cannot be reached'}"
            raise ConnectFailed(Reply(0, "", text)) from None
        writer.close()
        return ApiConnection(self)

    @property
    def client(self) -> httpx.AsyncClient:
        """Made when it is first needed, inside the loop that uses it. No proxy of the
        environment sees a request, and no redirect is followed with one."""
        import httpx  # by whoever sends this way, not by every verb

        if self._client is None:
            patience, secure = self.patience, self.provider.url.startswith("https:")
            self._client = httpx.AsyncClient(
                verify=ssl.create_default_context() if secure else False,
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(patience.answer_s, connect=patience.connect_s, pool=None),
                limits=httpx.Limits(
                    max_connections=None, max_keepalive_connections=200, keepalive_expiry=_KEEP_S
                ),
            )
        return self._client

    async def close(self) -> None:
        """Let go of the pooled connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


class ApiConnection:
    """See `ports.Connection`. Its requests share the transport's pool."""

    usable = True

    def __init__(self, transport: ApiTransport) -> None:
        self.sent = 0
        self._transport = transport
        self._provider = transport.provider

    async def turn_to(self, first: Sealed) -> None:
        """One end for all."""

    async def close(self) -> None:
        """Nothing of its own."""

    async def send(self, run: Sequence[Sealed], report: Report) -> None:
        """As few requests as can carry the run, all of them at once."""
        by_id = {sealed.deliveries[0]: sealed for sealed in run}

        def tell(delivery: int, ending: Ending, reply: Reply) -> None:
            report(by_id[delivery], Outcome(delivery, ending, reply))

        letters, unfit = await asyncio.to_thread(self._read, run)
        for delivery, reason in unfit:
            tell(delivery, Ending.UNSENT, _unfit(reason))
        await self._carry(letters, by_id, tell)

    def _read(self, run: Sequence[Sealed]) -> tuple[list[Letter], list[tuple[int, str]]]:
        """Every message as a letter, off the loop; and what has no words there, and why."""
        letters: list[Letter] = []
        unfit: list[tuple[int, str]] = []
        for sealed in run:
            try:
                letter = letter_of(sealed)
                self._provider.fits(letter)
                letters.append(letter)
            except Unsupported as reason:
                unfit.append((sealed.deliveries[0], str(reason)))
        return letters, unfit

    async def _carry(
        self, letters: Sequence[Letter], by_id: Mapping[int, Sealed], tell: Tell
    ) -> None:
        jobs, refused = await asyncio.to_thread(self._made, letters, by_id)
        for batch, reason in refused:
            for each in batch:
                tell(each.delivery, Ending.UNSENT, _stopped(reason))
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(self._deliver(job, by_id, tell))

    def _made(
        self, letters: Sequence[Letter], by_id: Mapping[int, Sealed]
    ) -> tuple[list[_Job], list[tuple[Sequence[Letter], str]]]:
        """Every request built and sealed, off the loop; and what the guard refused, and why."""
        jobs: list[_Job] = []
        refused: list[tuple[Sequence[Letter], str]] = []
        for request, batch in self._provider.requests(letters):
            sealed = self._transport.seal(request, [by_id[each.delivery] for each in batch])
            if isinstance(sealed, Refusal):
                refused.append((batch, sealed.reason))
            else:
                jobs.append(_Job(sealed, batch))
        return jobs, refused

    async def _deliver(self, job: _Job, by_id: Mapping[int, Sealed], tell: Tell) -> None:
        async with self._transport.slots:
            judged = await self._asked(job, tell)
        if judged is None:
            return
        left: list[Letter] = []
        for letter in job.letters:
            reply = judged.replies.get(letter.delivery, judged.whole)
            if judged.doubt:
                tell(letter.delivery, Ending.IN_DOUBT, Reply(0, "", "the provider failed"))
            elif reply is None:
                left.append(letter)
            else:
                self.sent += 1
                tell(letter.delivery, Ending.REPLIED, reply)
        for part in _parts(left, judged.blamed):
            await self._carry(part, by_id, tell)

    async def _asked(self, job: _Job, tell: Tell) -> Judged | None:
        """The provider's judgement; None where there is none and everybody has been told."""
        ending, text = await self._exchange(job)
        if isinstance(text, Answer):
            return self._judge(text, job.letters)
        for letter in job.letters:
            tell(letter.delivery, ending, Reply(0, "", text))
        return None

    async def _exchange(self, job: _Job) -> tuple[Ending, Answer | str]:
        """One answer, or why there is none. The same request again only where it has a key."""
        ending, answer = await self._post(job)
        for wait in self._transport.patience.again_s if self._provider.idempotent else ():
            if isinstance(answer, Answer):
                lost = self._judge(answer, job.letters).doubt
            else:
                lost = ending is Ending.IN_DOUBT
            if not lost:
                break
            await self._transport.pause(wait)
            ending, answer = await self._post(job)
        return ending, answer

    async def _post(self, job: _Job) -> tuple[Ending, Answer | str]:
        import httpx

        request, now = job.sealed.request, self._transport.wall()
        if request_digest(request) != job.sealed.sha256:
            raise Halted("a sealed request was changed after the guard had passed it")
        headers = {**dict(request.headers), **self._provider.authorized(request, now)}
        try:
            async with self._transport.client.stream(
                request.method, request.url, headers=headers, content=request.body
            ) as response:
                body = b""
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_BYTES:
                        break
                return Ending.REPLIED, Answer(
                    response.status_code,
                    {name.lower(): value for name, value in response.headers.items()},
                    body,
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Ending.UNSENT, "the provider could not be reached"
        except httpx.TimeoutException:
            return Ending.IN_DOUBT, f"no answer in {self._transport.patience.answer_s:g} s"
        except httpx.HTTPError:
            return Ending.IN_DOUBT, "the connection ended before an answer"

    def _judge(self, answer: Answer, batch: Sequence[Letter]) -> Judged:
        return self._provider.judged(answer, batch, self._transport.wall())


Tell = Callable[[int, Ending, Reply], None]


def _parts(left: Sequence[Letter], blamed: frozenset[int]) -> list[Sequence[Letter]]:
    """Of a batch that was refused whole: the blamed each alone and the others together, or
    halves."""
    if not left:
        return []
    named = [letter for letter in left if letter.delivery in blamed]
    others = [letter for letter in left if letter.delivery not in blamed]
    if named and others:
        return [others, *([each] for each in named)]
    return halves(left)


def _unfit(reason: str) -> Reply:
    return Reply(554, "5.6.0", f"5.6.0 not sent: the provider's API cannot carry {reason}")


def _stopped(reason: str) -> Reply:
    """A rule of `feedback` halts the mailing on these words."""
    return Reply(554, "5.7.0", f"5.7.0 the guard refused the request: {reason}")
