"""What SendGrid will write: content with each personalization's substitutions made.

Source: Twilio SendGrid, "Personalizations" and "Substitution tags" (read November 2026): every
key of `substitutions` is replaced by its value in subject and content; a personalization's
subject, headers and custom_args go before the common ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from severally.guard.disclosure import NotUnderstood
from severally.guard.disclosure.shown import json_body, rows, table
from severally.guard.requests.written import Written, one, only, word

_TOP = ("personalizations", "from", "reply_to", "content", "tracking_settings")
_EACH = ("to", "subject", "headers", "custom_args", "substitutions")
_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}
"""All of it off, by name: an account's own settings would change links and add a picture."""
_KINDS = ["text/plain", "text/html"]


def written(headers: Mapping[str, str], body: bytes) -> Iterator[Written]:
    """Each message. Raises NotUnderstood."""
    request = table(json_body(body), "the body")
    only(request, _TOP, "the body")
    if request.get("tracking_settings") != _TRACKING:
        raise NotUnderstood("tracking that is not switched off")
    content = [table(each, "content") for each in rows(request.get("content"), "content")]
    if [each.get("type") for each in content] != _KINDS:
        raise NotUnderstood("content that is not one text and one HTML part")
    for each in content:
        only(each, ("type", "value"), "content")
    text, html = (word(each.get("value"), "content") for each in content)
    sender = table(request.get("from"), "from")
    reply_to = table(request.get("reply_to"), "reply_to")
    only(sender, ("email", "name"), "from")
    only(reply_to, ("email",), "reply_to")
    whose = (word(sender.get("name", ""), "a name"), word(sender.get("email"), "from"))
    for raw in rows(request.get("personalizations"), "personalizations"):
        own = table(raw, "a personalization")
        only(own, _EACH, "a personalization")
        put = _Put(table(own.get("substitutions"), "substitutions"))
        yield Written(
            _box(own),
            _reference(own),
            whose,
            put(word(reply_to.get("email", ""), "reply_to")),
            put(word(own.get("subject"), "a subject")),
            put(text),
            put(html),
            tuple(
                (name, word(value, "a header"))
                for name, value in table(own.get("headers"), "headers").items()
            ),
        )


class _Put:
    """Substitutions, made as documented: each key replaced wherever it stands."""

    def __init__(self, substitutions: Mapping[str, Any]) -> None:
        self._pairs = [(key, word(by, "a substitution")) for key, by in substitutions.items()]
        if not all(key for key, _ in self._pairs):
            raise NotUnderstood("a substitution for nothing")

    def __call__(self, text: str) -> str:
        for key, by in self._pairs:
            text = text.replace(key, by)
        return text


def _box(own: Mapping[str, Any]) -> str:
    to = table(one(own.get("to"), "to"), "an entry of to")
    only(to, ("email",), "an entry of to")
    return word(to.get("email"), "an entry of to")


def _reference(own: Mapping[str, Any]) -> str:
    args = table(own.get("custom_args"), "custom_args")
    only(args, ("delivery",), "custom_args")
    return word(args.get("delivery"), "custom_args")
