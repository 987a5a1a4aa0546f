"""Where the drill takes place: a workspace with two operators, and a world with sentinels.

Responsible for what is there when it begins. Everything in it is made up, codes included: they are
written into files, which stand for two telephones.
"""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path
from types import TracebackType

import pyotp

from severally.adapters.credentials import STEP_S, SecretBox, hashed, new_secret
from severally.app.config import FILE, load
from severally.app.demo import customers as people
from severally.app.demo import scenery
from severally.app.office import open_office
from severally.app.operations.beginning import init
from severally.app.wiring import Wiring
from severally.model.entries import Act
from severally.model.operator import Operator, Role
from severally.sim.process import WorldProcess
from severally.sim.world import Setting

NOTICE = "logins"
AUDIENCE = "customers.csv"
FIRST, SECOND = "nora", "sam"
ROLES = {FIRST: (Role.AUTHOR, Role.OPERATOR), SECOND: (Role.APPROVER, Role.AUDITOR)}
TELEPHONES = "telephones"
_SEED = 2019
_SENTINELS = ("gmail.example", "outlook.example", "yahoo.example")


class Scene:
    """Set up on entering, the world ended on leaving; the workspace stays. `wiring` is the one
    of the drill itself: those who practise use the program as it is."""

    def __init__(self, root: Path, customers: int, wiring: Wiring) -> None:
        self.root = root.resolve()
        self._customers = customers
        self._wiring = wiring
        self._world: WorldProcess | None = None
        self._secrets: dict[str, str] = {}

    def __enter__(self) -> Scene:
        init(self.root)
        told = tuple(people.customers(self._customers, _SEED))
        self._write_customers(told)
        providers = scenery.providers(customer.email for customer in told)
        (watch := self.root / "watch").mkdir()
        boxes = {f"watch.{at}@{domain}": watch / str(at) for at, domain in enumerate(_SENTINELS, 1)}
        setting = Setting(
            providers, _SEED, maildirs={address: str(folder) for address, folder in boxes.items()}
        )
        self._world = WorldProcess(setting)
        self._world.start()
        try:
            text = scenery.settings(self._world, providers, "drill")
            text += "".join(_sentinel(address, folder) for address, folder in boxes.items())
            (self.root / FILE).write_text(text, "utf-8")
            self._enter_operators()
        except BaseException:
            self._world.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._world is not None:
            self._world.stop()

    def code(self, name: str, steps: int = 0) -> str:
        """What this person's telephone shows, so many half minutes from now."""
        now = self._wiring.clock.wall() + steps * STEP_S
        return str(pyotp.TOTP(self._secrets[name]).at(int(now)))

    def show_codes(self) -> None:
        """Write what the telephones show now."""
        for name in self._secrets:
            (self.root / TELEPHONES / name).write_text(self.code(name) + "\n", "ascii")

    def password_file(self, name: str) -> Path:
        """Where this person's password lies."""
        return self.root / f"{name}.password"

    def draft(self) -> Path:
        """Write the notice of docs/drill.md."""
        folder = self.root / "notices" / NOTICE
        folder.mkdir()
        for item in (resources.files("severally.app.drill") / "notice").iterdir():
            (folder / item.name).write_text(item.read_text("utf-8"), "utf-8")
        return folder

    def _write_customers(self, told: tuple[people.Customer, ...]) -> None:
        with (self.root / AUDIENCE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(people.COLUMNS)
            writer.writerows(told)

    def _enter_operators(self) -> None:
        (self.root / TELEPHONES).mkdir()
        with open_office(load(self.root), self._wiring) as office:
            for name, roles in ROLES.items():
                password = f"{name} practises for bad days"
                file = self.password_file(name)
                file.touch(mode=0o600)
                file.write_text(password + "\n", "utf-8")
                self._secrets[name] = secret = new_secret()
                salt, box = SecretBox(office.keys.operator_key()).seal(name, secret)
                now = self._wiring.clock.wall()
                one = Operator(name, roles, hashed(password), salt, box, added_at=now)
                act = Act(now, "", "operator added", f"{name}: {', '.join(roles)}", "drill")
                office.ledger.add_operator(one, act)
        self.show_codes()


def _sentinel(address: str, folder: Path) -> str:
    name = address.partition("@")[0].replace(".", "-")
    return f'\n[sentinels.{name}]\naddress = "{address}"\nlocale = "en"\nmaildir = "{folder}"\n'
