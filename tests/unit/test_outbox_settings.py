"""`[outboxes.NAME]`: what is wrong there is said with its place; no password is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from severally.app.config import load
from severally.app.urgent.outbox_settings import PostgresqlOutboxSection, SqliteOutboxSection
from severally.model.errors import UsageError

ROUTE = '[routes.main]\ntype = "discard"\n[urgent]\nroutes = ["main"]\n'
DATABASE = 'type = "postgresql"\ndatabase = "host=127.0.0.1 dbname=exchange user=severally"\n'


def written(folder: Path, text: str) -> Path:
    (folder / "severally.toml").write_text(text, "utf-8")
    return folder


def test_both_types_are_read(tmp_path: Path) -> None:
    text = f'{ROUTE}[outboxes.a]\ntype = "sqlite"\nfile = "a.db"\n[outboxes.b]\n{DATABASE}'
    found = load(written(tmp_path, text)).urgent.outboxes
    assert found["a"] == SqliteOutboxSection("a.db")
    assert isinstance(found["b"], PostgresqlOutboxSection)
    assert found["b"].table == "severally_outbox"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('type = "oracle"', "type is missing, or is none there is"),
        ('file = "a.db"', "type is missing, or is none there is"),
        ('type = "sqlite"', "file is missing"),
        ('type = "sqlite"\nfile = "a.db"\ntable = "a; DROP TABLE b"', "is no table's name"),
        (f'{DATABASE}table = "a.b.c"', "is no table's name"),
        (f'{DATABASE}password = "geheim"', "secrets do not belong into this file"),
        (DATABASE.replace("user=", "password=geheim user="), "a password does not belong"),
        ('type = "postgresql"\ndatabase = "postgresql://a:geheim@db/x"', "a password does not"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        load(written(tmp_path, f"{ROUTE}[outboxes.a]\n{table}\n"))
    assert "outboxes.a" in str(caught.value) and "geheim" not in str(caught.value)


def test_an_outbox_of_which_nothing_would_be_sent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing would be sent"):
        load(written(tmp_path, '[outboxes.a]\ntype = "sqlite"\nfile = "a.db"\n'))
