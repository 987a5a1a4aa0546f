"""`translate update` and `status`: the catalogues brought up to the source.

What fits is kept; what changed becomes fuzzy and keeps the text it was translated from; what
is new gets the memory's offer or nothing; what is gone stays as an obsolete entry.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from babel.messages import Catalog, Message

from severally.model.errors import Finding, Refused
from severally.notice.catalogue import (
    MEMORY,
    Status,
    catalogue_path,
    is_offer,
    read_catalogue,
    status_of,
    write_catalogue,
)
from severally.notice.draft import Draft
from severally.notice.identifying import with_ids
from severally.notice.memory import Memory
from severally.notice.source import Segment
from severally.notice.unit import State, Unit


@dataclass(frozen=True, slots=True)
class Updated:
    """What `update` did. `named`: how many blocks of body.md got an id."""

    statuses: list[Status]
    written: list[Path]
    named: int


def sound_draft(folder: Path) -> Draft:
    """A draft whose source is well formed, whatever its translations are. Raises Refused."""
    findings: list[Finding] = []
    draft = Draft(folder, findings)
    if findings:
        raise Refused(f"the notice {folder.name!r} is not well formed", findings)
    return draft


def catalogue_status(folder: Path) -> list[Status]:
    """How far each declared locale is."""
    return _statuses(sound_draft(folder))


def _statuses(draft: Draft) -> list[Status]:
    fallback = draft.declaration.fallback
    return [
        status_of(
            catalogue_path(draft.folder, locale), locale, draft.segments, fallback.get(locale, "")
        )
        for locale in draft.declaration.targets
    ]


def update_catalogues(folder: Path, now: dt.datetime) -> Updated:
    """Give each block its id and write every declared locale's catalogue anew.

    `now` is the date of a catalogue that changes; one that does not keeps its bytes.
    """
    draft = sound_draft(folder)
    body, named = with_ids(draft.body, draft.source)
    written: list[Path] = []
    if named:
        _replace(folder / "body.md", body)
        written.append(folder / "body.md")
        draft = sound_draft(folder)
    for locale in draft.declaration.targets:
        path = catalogue_path(folder, locale)
        if update_catalogue(path, locale, draft, Memory(folder.parent, locale), named, now):
            written.append(path)
    return Updated(_statuses(draft), written, len(named))


def update_catalogue(
    path: Path, locale: str, draft: Draft, memory: Memory, named: dict[str, str], now: dt.datetime
) -> bool:
    """Whether the file changed. `named` maps a new id to the one the block had before."""
    old = read_catalogue(path) if path.exists() else None
    return save(path, merged(old, locale, draft, memory, named, {}, now), old, now)


def merged(
    old: Catalog | None,
    locale: str,
    draft: Draft,
    memory: Memory,
    named: Mapping[str, str],
    incoming: Mapping[str, Unit],
    now: dt.datetime,
) -> Catalog:
    """Today's segments with what is known of each: what came in, else what was there, else
    what the memory offers. `incoming` was checked."""
    before = _by_id(old)
    catalogue = _empty(draft.folder.name, locale, old, now)
    for segment in draft.segments:
        was = before.pop(segment.id, None) or before.pop(named.get(segment.id, ""), None)
        if segment.id in incoming:
            was = _taken(segment, incoming[segment.id], was)
        _carry_over(catalogue, segment, was, memory, _hints(draft, segment))
    for message in before.values():
        if message.string and not is_offer(message):
            catalogue.obsolete[(message.id, message.context)] = message  # type: ignore[index]
    return catalogue


def _taken(segment: Segment, unit: Unit, was: Message | None) -> Message | None:
    """What came in; an unconfirmed text never takes the place of a confirmed one."""
    confirmed = was is not None and not was.fuzzy and was.id == segment.text
    if not unit.text or (unit.state is State.OPEN and confirmed):
        return was
    flags = [] if unit.state is State.DONE else ["fuzzy"]
    comments = was.user_comments if was is not None else []
    return Message(segment.text, unit.text, flags=flags, user_comments=comments, context=segment.id)


def save(path: Path, catalogue: Catalog, old: Catalog | None, now: dt.datetime) -> bool:
    """Write it if it says anything new, dated `now`."""
    before = path.read_bytes() if path.exists() else b""
    write_catalogue(path, catalogue)
    if path.read_bytes() == before:
        return False
    if old is not None:
        catalogue.creation_date = catalogue.revision_date = now
        write_catalogue(path, catalogue)
    return True


def _by_id(catalogue: Catalog | None) -> dict[str, Message]:
    """Obsolete entries first, so that a living one has the word."""
    if catalogue is None:
        return {}
    every = (*catalogue.obsolete.values(), *catalogue)
    return {message.context: message for message in every if message.context and message.string}


def _empty(name: str, locale: str, old: Catalog | None, now: dt.datetime) -> Catalog:
    """A catalogue's head: the old one's people and dates, or new ones `msgfmt` is content with."""
    return Catalog(
        locale.replace("-", "_"),
        header_comment=old.header_comment if old else f"# {name}: translation into {locale}",
        project=old.project if old else name,
        msgid_bugs_address=(old.msgid_bugs_address if old else "") or name,
        version=old.version if old else "1",
        last_translator=(old.last_translator or "Nobody yet") if old else "Nobody yet",
        language_team=(old.language_team or locale) if old else locale,
        creation_date=old.creation_date if old else now,
        revision_date=old.revision_date if old else now,
        charset="utf-8",
        fuzzy=False,
    )


def _carry_over(
    catalogue: Catalog, segment: Segment, old: Message | None, memory: Memory, hints: Sequence[str]
) -> None:
    comments = [segment.comment] if segment.comment else []
    comments += hints
    place = [(segment.file.removeprefix("notices/"), segment.line)]
    if old is not None and not is_offer(old):
        assert isinstance(old.id, str)
        changed = old.id != segment.text
        catalogue.add(
            segment.text,
            old.string,
            place,
            flags=["fuzzy"] if changed or old.fuzzy else [],
            auto_comments=comments,
            user_comments=old.user_comments,
            previous_id=[old.id] if changed else list(old.previous_id) if old.fuzzy else [],
            context=segment.id,
        )
        return
    text, said, previous = _offered(segment, old, memory)
    catalogue.add(
        segment.text,
        text,
        place,
        flags=["fuzzy"] if text else [],
        auto_comments=[*comments, said] if said else comments,
        previous_id=previous,
        context=segment.id,
    )


def _offered(segment: Segment, old: Message | None, memory: Memory) -> tuple[str, str, list[str]]:
    """Text, comment and the source it is of. One that differs from what the memory has stays:
    somebody may be at work on it."""
    match = memory.best(segment.text)
    if old is not None and old.id == segment.text and not (match and match.text == old.string):
        comments = old.auto_comments
        at = next(n for n, each in enumerate(comments) if each.startswith(MEMORY))
        return str(old.string), " ".join(comments[at:]), [*map(str, old.previous_id)]
    if match is None:
        return "", "", []
    previous = [match.source] if match.quality < 100 else []
    return match.text, f"{MEMORY} {match.words()}", previous


def _hints(draft: Draft, segment: Segment) -> list[str]:
    """What a translator should know of the variables."""
    used = draft.words[segment.id].used
    hints: list[str] = []
    for name, variable in draft.declaration.variables.items():
        if name in used:
            about = ", private" if variable.private else ""
            if variable.optional:
                about += ", may be missing"
            if variable.value is not None and not variable.private:
                about += f", {variable.value} for everybody"
            hints.append(f"{name}: {variable.type}{about}")
    return [f"variables: {'; '.join(hints)}"] if hints else []


def _replace(path: Path, text: str) -> None:
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_text(text, "utf-8", newline="")
    draft.replace(path)
