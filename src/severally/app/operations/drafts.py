"""A draft and everything around it: compiled, checked, frozen. Nothing is sent here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, cast

from severally.adapters.keys import load_dkim
from severally.app import providers
from severally.app.office import Office
from severally.app.sections import SenderSection
from severally.app.windows import scheduled
from severally.model.address import AddressError, parse_address
from severally.model.errors import Finding, Refused, UsageError
from severally.model.mailing import Frozen
from severally.model.notice import Kind, Notice, ValueType
from severally.model.sender import DkimKey, Sender
from severally.model.values import ValueRefused, parse_value, refuse_unprintable
from severally.notice.compiling import Compiled, compile_notice

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def folder_of(office: Office, name: str) -> Path:
    """The notice's folder. Raises UsageError where there is none."""
    name = name.removeprefix("notices/").rstrip("/")
    notices = office.workspace.root / "notices"
    if _NAME.fullmatch(name) and (notices / name / "notice.toml").is_file():
        return notices / name
    there = sorted(path.parent.name for path in notices.glob("*/notice.toml"))
    known = f"there are {', '.join(there)}" if there else "notices/ holds none yet"
    raise UsageError(f"there is no notice {name!r}; {known}")


def compiled(office: Office, name: str) -> Compiled:
    """Raises Refused with everything that is wrong with it."""
    return compile_notice(folder_of(office, name), office.workspace.root / "layouts")


def freeze(office: Office, draft: Compiled, route: str, start: float | None = None) -> Frozen:
    """All that decides what people get, and when: not before `start` (Unix), where it is given.

    Raises Refused where the sender is not fit for it.
    """
    findings: list[Finding] = []
    sender = sender_of(office, draft.notice, findings)
    if sender is not None:
        findings += misfits(office, route, sender)
    if sender is None or findings:
        raise Refused("the sender is not fit for this notice", findings)
    frozen = Frozen(draft.notice, sender, draft.stencils, route)
    return scheduled(frozen, draft, office.workspace.windows, start)


def misfits(office: Office, route: str, sender: Sender) -> list[Finding]:
    """What of the sender this route could not keep."""
    workspace = office.workspace
    return providers.misfits(workspace.where(f"routes.{route}"), workspace.routes[route], sender)


# --- the sender


def sender_of(office: Office, notice: Notice, findings: list[Finding]) -> Sender | None:
    """The notice's sender; what is wrong with it is added to `findings`."""
    name = notice.sender
    sender = sender_named(office, name, findings)
    if sender is None or notice.kind is not Kind.MARKETING:
        return sender
    if sender.unsubscribe or sender.unsubscribe_url:
        return sender
    where = office.workspace.where(f"senders.{name}")
    findings.append(Finding(where, "a marketing notice needs a way out", "set unsubscribe_url"))
    return None


def sender_named(office: Office, name: str, findings: list[Finding]) -> Sender | None:
    """`[senders.NAME]`, checked; None where it had findings."""
    section = office.workspace.senders.get(name)
    where = office.workspace.where(f"senders.{name}")

    def at(key: str) -> str:
        return office.workspace.where(f"senders.{name}.{key}")

    if section is None:
        known = ", ".join(sorted(office.workspace.senders)) or "none"
        findings.append(Finding(where, "there is no such sender", f"write it; there are: {known}"))
        return None
    before = len(findings)
    sender = Sender(
        name,
        _address(at("address"), "address", section.address, findings),
        _display_name(at("name"), section.name, findings),
        _address(
            at("return_path"), "return_path", section.return_path or section.address, findings
        ),
        _address(at("reply_to"), "reply_to", section.reply_to, findings),
        _address(at("unsubscribe"), "unsubscribe", section.unsubscribe, findings),
        _unsubscribe_url(at("unsubscribe_url"), section.unsubscribe_url, findings),
        _dkim(office, at("dkim"), section, findings),
    )
    return sender if len(findings) == before else None


def _address(where: str, key: str, text: str, findings: list[Finding]) -> str:
    if not text:
        return ""
    try:
        return str(parse_address(text))
    except AddressError as error:
        findings.append(Finding(where, f"{key} is no mail address: {error}"))
        return ""


def _display_name(where: str, text: str, findings: list[Finding]) -> str:
    try:
        refuse_unprintable(text)
    except ValueRefused as error:
        findings.append(Finding(where, f"name holds {error}", "write the name on one line"))
    return text


def _unsubscribe_url(where: str, text: str, findings: list[Finding]) -> str:
    if not text:
        return ""
    try:
        url = parse_value(ValueType.URL, text)
    except ValueRefused as error:
        findings.append(Finding(where, f"unsubscribe_url is refused: {error}"))
        return ""
    if not url.startswith("https://"):
        findings.append(Finding(where, "unsubscribe_url is no https address", "RFC 8058 needs it"))
    return url


def _dkim(
    office: Office, where: str, section: SenderSection, findings: list[Finding]
) -> tuple[DkimKey, ...]:
    keys: list[DkimKey] = []
    for entry in section.dkim:
        try:
            algorithm, fingerprint, _ = load_dkim(office.workspace.path(entry.key_file))
        except UsageError as error:
            findings.append(Finding(where, str(error)))
        else:
            keys.append(
                DkimKey(entry.domain, entry.selector, cast(Algorithm, algorithm), fingerprint)
            )
    return tuple(keys)
