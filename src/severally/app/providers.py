"""Routes through providers' APIs: what their tables may say, and the transport each becomes.

Responsible for checking and choosing; what a provider wants is its transport's.
"""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from severally.app.allowed import DEFAULT_HOSTS, Allowed
from severally.app.sections import (
    ApiRoute,
    MailgunRoute,
    PostmarkRoute,
    ResendRoute,
    Route,
    SendgridRoute,
    SesRoute,
)
from severally.app.strict import TomlFile
from severally.guard.requests import seal_request
from severally.model.errors import Finding, UsageError
from severally.model.sender import Sender
from severally.ports import Transport
from severally.transport import mailgun, postmark, resend, sendgrid, ses
from severally.transport.api import ApiTransport, Provider, Secret

BATCHES: dict[type[ApiRoute], int] = {
    SendgridRoute: sendgrid.BATCH,
    SesRoute: ses.BATCH,
    MailgunRoute: mailgun.BATCH,
    PostmarkRoute: postmark.BATCH,
    ResendRoute: resend.BATCH,
}
"""The most that each provider takes in one request."""
URLS: dict[type[ApiRoute], str] = {
    SendgridRoute: sendgrid.URL,
    MailgunRoute: mailgun.URL,
    PostmarkRoute: postmark.URL,
    ResendRoute: resend.URL,
}
_LABELS = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_ARN = re.compile(r"arn:aws(-[a-z-]+)?:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]{1,256}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def batch_of(route: Route) -> int | None:
    """Messages that leave in one request; None for routes without requests."""
    if not isinstance(route, ApiRoute):
        return None
    most = BATCHES[type(route)]
    return min(route.batch or most, most)


def url_of(route: ApiRoute) -> str:
    """Where its API is."""
    if isinstance(route, SesRoute):
        return route.url or ses.url_in(route.region)
    return route.url or URLS[type(route)]


def host_of(route: ApiRoute) -> str:
    """The host that is connected to."""
    return urllib.parse.urlsplit(url_of(route)).hostname or ""


def check_api(file: TomlFile, path: str, route: ApiRoute) -> None:
    """Everything wrong with one provider's table."""
    if bool(route.key_file) == bool(route.key_env):
        said = "has both key_file and key_env" if route.key_file else "has no key"
        file.problem(path, said, "name one: key_file, or key_env for an environment variable")
    if route.events_key_file and route.events_key_env:
        file.problem(path, "has both events_key_file and events_key_env", "keep one")
    if isinstance(route, SesRoute):
        _check_topic(file, path, route)
    if route.batch < 0 or route.batch > BATCHES[type(route)]:
        most = BATCHES[type(route)]
        file.problem(f"{path}.batch", f"must be from 0 (all that is taken) to {most}")
    for key, text, form in _names(route):
        if not form.fullmatch(text):
            file.problem(f"{path}.{key}", f"{text!r} cannot be one", "see docs/routes.md")
    place = urllib.parse.urlsplit(url_of(route))
    if place.scheme not in ("https", "http") or not place.hostname or place.query or place.fragment:
        file.problem(f"{path}.url", "is no address of an API", 'write for example "https://host"')
    elif place.scheme == "http" and not Allowed((), DEFAULT_HOSTS).host(place.hostname):
        file.problem(f"{path}.url", "would send the key unencrypted", "write https://")


def _check_topic(file: TomlFile, path: str, route: SesRoute) -> None:
    if route.events_key_file or route.events_key_env:
        file.problem(path, "has an events_key", "SNS signs with a key of its own: events_topic")
    if route.events_topic and not _ARN.fullmatch(route.events_topic):
        cure = 'write for example "arn:aws:sns:eu-central-1:123456789012:mail-events"'
        file.problem(f"{path}.events_topic", "is no topic of SNS", cure)


def _names(route: ApiRoute) -> list[tuple[str, str, re.Pattern[str]]]:
    """What is put into addresses and requests as it stands."""
    match route:
        case SesRoute():
            written = [("region", route.region, _LABELS), ("access_key", route.access_key, _ID)]
            if route.configuration_set:
                written.append(("configuration_set", route.configuration_set, _ID))
            return written
        case MailgunRoute():
            return [("domain", route.domain, _LABELS)]
        case PostmarkRoute():
            return [("stream", route.stream, _ID)]
        case _:
            return []


def misfits(where: str, route: Route, sender: Sender) -> list[Finding]:
    """What of a sender a provider would drop: said before anything is sent."""
    if not isinstance(route, ApiRoute) or not sender.dkim:
        return []
    said = f"sender {sender.name!r} signs, and a provider's API signs messages itself: ours is lost"
    cure = "use a sender without dkim on this route, and have the provider sign for its domain"
    return [Finding(where, said, cure)]


def make_api(
    route: ApiRoute, name: str, path_of: Callable[[str], Path], wall: Callable[[], float]
) -> Transport:
    """The transport. Raises UsageError where its key cannot be read."""
    key = _key(route, f"routes.{name}", path_of)
    return ApiTransport(_provider(route, key), seal_request, wall, route.connections)


def _provider(route: ApiRoute, key: Secret) -> Provider:
    url, batch = url_of(route), batch_of(route) or 1
    match route:
        case SendgridRoute():
            return sendgrid.Sendgrid(key, url, batch)
        case SesRoute():
            return ses.Ses(key, route.access_key, route.region, url, route.configuration_set)
        case MailgunRoute():
            return mailgun.Mailgun(key, route.domain, url, batch)
        case PostmarkRoute():
            return postmark.Postmark(key, url, batch, route.stream)
        case ResendRoute():
            return resend.Resend(key, url, batch)
        case _:
            raise AssertionError(f"no provider for {type(route).__name__}")


def _key(route: ApiRoute, path: str, path_of: Callable[[str], Path]) -> Secret:
    return _read(f"{path}.key", route.key_file, route.key_env, path_of)


def events_key(route: ApiRoute, name: str, path_of: Callable[[str], Path]) -> Secret | None:
    """What a route's webhook is verified by; None where none is configured. Raises UsageError."""
    if isinstance(route, SesRoute):
        return Secret(route.events_topic) if route.events_topic else None
    if not route.events_key_file and not route.events_key_env:
        return None
    place = f"routes.{name}.events_key"
    return _read(place, route.events_key_file, route.events_key_env, path_of)


def _read(place: str, file: str, variable: str, path_of: Callable[[str], Path]) -> Secret:
    if variable:
        value = os.environ.get(variable, "")
        if not value:
            raise UsageError(f"{place}_env: the environment has no {variable}")
        return Secret(value)
    try:
        value = path_of(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        value = ""
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(
            f"{place}_file: {file} cannot be read or holds no key; "
            "write the key into it, on one line, and make it readable to you alone"
        )
    return Secret(value)
