"""A private Postfix with AUTH and STARTTLS: Debian's program, our own queue, one free port.

It takes mail for every domain from who has signed in (nobody else), and delivers it into one
Maildir. Nothing it is given leaves the machine. Signing in is Dovecot's work, as it usually is.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers.authority import certify
from tests.servers.processes import free_port, greets, running

MASTER = Path("/usr/lib/postfix/sbin/master")
DOVECOT = Path("/usr/sbin/dovecot")


def unavailable() -> str:
    """Why it cannot be started here, or nothing."""
    if os.geteuid() != 0:
        return "Postfix runs under several accounts: it needs root"
    missing = [str(path) for path in (MASTER, DOVECOT) if not path.exists()]
    return f"{' and '.join(missing)} is missing: make servers" if missing else ""


@dataclass(frozen=True)
class Postfix:
    """A running one, listening at `address`."""

    folder: Path
    address: str
    port: int
    username: str
    password: str

    @property
    def ca(self) -> Path:
        """The private authority's certificate, PEM."""
        return self.folder / "ca.pem"

    @property
    def inbox(self) -> Path:
        """The Maildir in which everything ends."""
        return self.folder / "mail" / "inbox"

    @property
    def log(self) -> str:
        """What Postfix says."""
        return (self.folder / "log").read_text("utf-8", "replace")

    def count(self) -> int:
        """Messages in the Maildir by now."""
        new = self.inbox / "new"
        return sum(1 for _ in os.scandir(new)) if new.is_dir() else 0

    def settle(self, seconds: float = 120) -> int:
        """Wait until its queue is empty; how many messages the Maildir holds then."""
        deadline = time.monotonic() + seconds
        while self._queued():
            if time.monotonic() > deadline:
                raise RuntimeError(f"Postfix has not delivered everything:\n{self.log[-2000:]}")
            time.sleep(0.05)
        return self.count()

    def _queued(self) -> bool:
        queues = ("maildrop", "incoming", "active", "deferred")
        return any(
            files for name in queues for _, _, files in os.walk(self.folder / "queue" / name)
        )


@contextlib.contextmanager
def postfix(
    secure: bool = True,
    delivers: bool = True,
    more: str = "",
    address: str = "127.0.0.1",
    port: int = 0,
    boxes: Sequence[str] = (),
    services: str = "",
) -> Iterator[Postfix]:
    """Start one at this address and port, or a free one; stop it and remove all it kept.

    `secure`: STARTTLS and AUTH are required; else STARTTLS is offered. Without `delivers` it
    throws mail away. `more` is added to its main.cf, `services` to its master.cf. Mail for each
    of `boxes`, which are local parts, goes into a Maildir of that name.
    """
    # not below pytest's folder: Postfix's other accounts must reach it, sockets have short names
    folder = Path(tempfile.mkdtemp(prefix="severally-postfix-"))
    folder.chmod(0o755)
    server = Postfix(folder, address, port or free_port(), "newsletter", "a relay's pass phrase")
    try:
        with contextlib.ExitStack() as stack:
            certify(folder)
            if secure:
                stack.enter_context(_sign_in(server))
            _configure(server, secure, delivers, more, boxes)
            with (folder / "etc" / "master.cf").open("a") as master:
                master.write(services)
            ready = lambda: greets(server.port, address)  # noqa: E731
            command = [MASTER, "-c", folder / "etc", "-d"]
            stack.enter_context(running(command, folder / "master.log", ready, {}))
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sign_in(server: Postfix) -> contextlib.AbstractContextManager[object]:
    """Dovecot, for its passwords alone."""
    folder = server.folder / "dovecot"
    folder.mkdir(mode=0o755)
    users = folder / "users"
    users.touch(mode=0o600)
    users.write_text(f"{server.username}:{{PLAIN}}{server.password}\n")
    shutil.chown(users, "dovecot")
    conf = folder / "dovecot.conf"
    conf.write_text(_DOVECOT.format(folder=folder))
    socket = folder / "auth"
    return running([DOVECOT, "-F", "-c", conf], folder / "log", socket.exists, {})


def _configure(
    server: Postfix, secure: bool, delivers: bool, more: str, boxes: Sequence[str]
) -> None:
    folder = server.folder
    etc, mail = folder / "etc", folder / "mail"
    for path in (etc, folder / "queue", folder / "data", mail):
        path.mkdir(mode=0o755)
    shutil.chown(folder / "data", "postfix")
    shutil.chown(mail, "nobody")
    (etc / "master.cf").write_text(_MASTER.format(address=server.address, port=server.port))
    main = _MAIN.format(
        folder=folder,
        uid=pwd.getpwnam("nobody").pw_uid,
        transport="virtual" if delivers else "discard",
    )
    door = (_SECURE if secure else _OPEN).format(folder=folder)
    (etc / "main.cf").write_text(f"{main}{door}{more}\n")
    # virtual(8) forbids substitution: each has a line of its own
    lines = [f"/^{box}@/ {box}/" for box in boxes]
    (etc / "mailboxes").write_text("\n".join([*lines, "/./ inbox/", ""]))
    check = subprocess.run(
        ["/usr/sbin/postfix", "-c", etc, "check"], capture_output=True, text=True, check=False
    )
    if check.returncode:
        raise RuntimeError(f"postfix check: {check.stderr}")


_DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = severally-tests
protocols =
ssl = no
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""

_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.test
mydestination =
alias_maps =
local_transport = error:nothing is local
relay_transport = error:nothing leaves
default_transport = error:nothing leaves
virtual_mailbox_domains = static:all
virtual_transport = {transport}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = regexp:{folder}/etc/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
message_size_limit = 10485760
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
smtpd_peername_lookup = no
smtpd_banner = relay.test ESMTP Postfix
"""

_SECURE = """\
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {folder}/relay.pem
smtpd_tls_key_file = {folder}/relay.key
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/dovecot/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""

_OPEN = """\
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/relay.pem
smtpd_tls_key_file = {folder}/relay.key
smtpd_relay_restrictions =
smtpd_recipient_restrictions = permit_mynetworks, reject
mynetworks = 127.0.0.0/8
"""

_MASTER = """\
{address}:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""
