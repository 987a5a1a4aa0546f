"""A private Dovecot that serves Maildirs over IMAP: Debian's program, one free port.

Every name below its folder is a mailbox; they share one password.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import free_port, running

DOVECOT = Path("/usr/sbin/dovecot")
IMAP = Path("/usr/lib/dovecot/imap")
PASSWORD = "the-sentinels-own"


def unavailable() -> str:
    """Why it cannot be started here, or nothing."""
    if os.geteuid() != 0:
        return "Dovecot runs under several accounts: it needs root"
    missing = [str(path) for path in (DOVECOT, IMAP) if not path.exists()]
    return f"{' and '.join(missing)} is missing: make servers" if missing else ""


@dataclass(frozen=True)
class Dovecot:
    """A running one."""

    port: int


@contextlib.contextmanager
def dovecot(mail: Path) -> Iterator[Dovecot]:
    """Serve the Maildirs in `mail`, which belong to nobody; stop it on leaving."""
    folder = Path(tempfile.mkdtemp(prefix="severally-dovecot-"))
    folder.chmod(0o755)
    server = Dovecot(free_port())
    conf = folder / "dovecot.conf"
    conf.write_text(_CONF.format(folder=folder, mail=mail, port=server.port, password=PASSWORD))
    try:
        command = [DOVECOT, "-F", "-c", conf]
        with running(command, folder / "log", lambda: _greets(server.port), {}):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            return line.recv(4) == b"* OK"
    except OSError:
        return False


_CONF = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = severally-tests-imap
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{mail}/%n
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""
