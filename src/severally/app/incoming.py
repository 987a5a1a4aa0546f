"""`[senders.NAME.incoming]`: where what comes back is read, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from severally.app.sections import SenderSection
from severally.app.strict import TomlFile


def checked_incoming(file: TomlFile, name: str, sender: SenderSection) -> SenderSection:
    """The sender, its incoming side looked at."""
    section = sender.incoming
    path = f"senders.{name}.incoming"
    if section is None:
        return sender
    if not (section.listen or section.maildir or section.imap_host):
        file.problem(path, "names no place", "set listen, maildir or imap_host")
    if section.listen and place(section.listen) is None:
        cure = 'write an address and a port: "127.0.0.1:2424" or "[::1]:2424"'
        file.problem(f"{path}.listen", f"{section.listen!r} is nothing to listen on", cure)
    if section.imap_host and not (section.password_file or section.password_env):
        file.problem(path, "has no password", "set password_file or password_env")
    return sender


def place(text: str) -> tuple[str, int] | None:
    """`127.0.0.1:2424` or `[::1]:2424` apart; port 0 lets the system choose."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        return None
    return host.removeprefix("[").removesuffix("]"), int(port)


def doors(senders: Mapping[str, SenderSection]) -> Iterator[tuple[str, int, str, tuple[str, ...]]]:
    """(host, port, protocol, addresses taken) of every listener; senders may share one."""
    shared: dict[tuple[str, int, str], list[str]] = {}
    for sender in senders.values():
        section = sender.incoming
        found = place(section.listen) if section and section.listen else None
        if section is not None and found is not None:
            shared.setdefault((*found, section.protocol), []).extend(_addresses(sender))
    for (host, port, protocol), addresses in shared.items():
        yield host, port, protocol, tuple(addresses)


def _addresses(sender: SenderSection) -> Iterator[str]:
    yield sender.return_path or sender.address
    if sender.unsubscribe:
        yield sender.unsubscribe
