"""A receiving world of Debian's programs: Postfix takes mail, Dovecot's LDA and Sieve keep it.

What comes back from it is what they make of it: bounces of users nobody knows and of boxes that
are full, a vacation reply, the bounce of where a user forwards to, and a feedback report
(RFC 5965, Pigeonhole's `report`). Mail for one domain is handed over by LMTP.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.servers import postfix as postfix_program
from tests.servers.postfix import DOVECOT, Postfix
from tests.servers.processes import running

LDA = Path("/usr/lib/dovecot/dovecot-lda")
SIEVE = Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so")
PLAIN, FULL = "plain", "full"


def unavailable() -> str:
    """Why it cannot be started here, or nothing."""
    missing = [str(path) for path in (LDA, SIEVE) if not path.exists()]
    if missing:
        return f"{' and '.join(missing)} is missing: make servers"
    return postfix_program.unavailable()


@contextlib.contextmanager
def mailhost(
    port: int, lmtp: int, domain: str, users: Mapping[str, str], scripts: Mapping[str, str]
) -> Iterator[Postfix]:
    """Listen at `port`; mail for `domain` goes to the LMTP server at `lmtp` on loopback.

    `users` maps local parts, at whatever other domain, to `plain`, `full` or one of the Sieve
    `scripts`. Whoever is none of them is unknown.
    """
    folder = Path(tempfile.mkdtemp(prefix="severally-mailhost-"))
    folder.chmod(0o755)
    try:
        _populate(folder, users, scripts)
        (folder / "dovecot.conf").write_text(_DOVECOT.format(folder=folder, port=port))
        (folder / "transport").write_text(
            f"/@{domain.replace('.', '[.]')}$/ lmtp:inet:127.0.0.1:{lmtp}\n/./ keep:\n"
        )
        (folder / "headers").write_text("/^Auto-Submitted: auto-generated$/ IGNORE\n")
        command = [DOVECOT, "-F", "-c", folder / "dovecot.conf"]
        more = _MAIN.format(folder=folder)
        services = _MASTER.format(lda=LDA, conf=folder / "dovecot.conf")
        with (
            running(command, folder / "log", (folder / "run" / "auth-userdb").exists, {}),
            postfix_program.postfix(False, more=more, port=port, services=services) as server,
        ):
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _populate(folder: Path, users: Mapping[str, str], scripts: Mapping[str, str]) -> None:
    """Boxes and scripts belong to nobody: the LDA runs as that account."""
    for name in ("mail", "sieve"):
        (folder / name).mkdir(mode=0o755)
    for name, script in scripts.items():
        (folder / "sieve" / f"{name}.sieve").write_text(script)
    lines = []
    for user, kind in users.items():
        quota = "*:bytes=1" if kind == FULL else "*:storage=10M"
        own = f" userdb_sieve=file:{folder}/sieve/{kind}.sieve" if kind in scripts else ""
        lines.append(f"{user}:::::::userdb_quota_rule={quota}{own}")
    (folder / "users").write_text("\n".join([*lines, ""]))
    for path in (folder / "mail", folder / "sieve", *(folder / "sieve").iterdir()):
        shutil.chown(path, "nobody", "nogroup")
    log = folder / "log"
    log.touch()
    log.chmod(0o666)  # two accounts write it


_DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
instance_name = severally-mailhost
protocols =
ssl = no
hostname = there.example
postmaster_address = postmaster@there.example
submission_host = 127.0.0.1:{port}
mail_location = maildir:{folder}/mail/%n
mail_plugins = quota
first_valid_uid = 1
quota_full_tempfail = no
protocol lda {{
  mail_plugins = quota sieve
}}
plugin {{
  quota = maildir:User quota
  sieve_extensions = +vnd.dovecot.report
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {folder}/users
  override_fields = uid=nobody gid=nogroup home={folder}/mail/%n
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""

# Auto-Submitted is lost on the way, so that what should stay silent answers (RFC 3834 2)
_MAIN = """\
header_checks = regexp:{folder}/headers
keep_destination_recipient_limit = 1
transport_maps = regexp:{folder}/transport
lmtp_connection_cache_on_demand = no
"""

_MASTER = """\
lmtp      unix  - - n - - lmtp
keep      unix  - n n - 4 pipe
  flags=R user=nobody:nogroup argv={lda} -c {conf} -e -f ${{sender}} -a ${{recipient}} -d ${{user}}
"""
