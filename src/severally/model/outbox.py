"""One row of an outbox: a request for an urgent message that a committed transaction left."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """`id` orders the rows of one table; `key` names the message for ever, whatever becomes of
    the table. `message` is the body of a `POST /v1/messages`, not checked yet."""

    id: int
    key: str
    message: str = field(repr=False)
