"""An SMTP receiver in a process of its own that notes what it took and when, with moods.

Nothing of `src/`. `python -m proofs.receiver LOG MOOD [CERTIFICATE KEY]` notes one line for each
message it answered 250: time, recipient, Message-ID. The mood is read from the file MOOD whenever
it matters: well, hanging (no greeting), deaf (no answer to the final dot), slow (20 s for it),
refusing (554 to RCPT), greets (554 for a greeting), garbage, down (connections are cut off).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SLOW_S = 20.0


@dataclass(frozen=True)
class Taken:
    """One message as it was taken."""

    at: float
    to: str
    message_id: str


class Receiver:
    """Started by `receiving`; `mood` can be changed at any moment."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self._mood = folder / "mood"
        self.log = folder / "taken"
        self.mood = "well"

    @property
    def mood(self) -> str:
        return self._mood.read_text("ascii")

    @mood.setter
    def mood(self, mood: str) -> None:
        self._mood.write_text(mood, "ascii")

    def taken(self, after: int = 0) -> list[Taken]:
        """All it took so far, beyond the first `after`."""
        lines = self.log.read_text("utf-8").splitlines() if self.log.exists() else []
        split = (line.split(" ") for line in lines[after:] if line.count(" ") == 2)
        return [Taken(float(at), to, message_id) for at, to, message_id in split]


@contextlib.contextmanager
def receiving(folder: Path, certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A receiver on a free port, until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mood").write_text("well", "ascii")
    tls = [str(path) for path in certificate or ()]
    command = [sys.executable, "-m", "proofs.receiver", str(folder / "taken"), str(folder / "mood")]
    with subprocess.Popen([*command, *tls], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Receiver(int(process.stdout.readline()), folder)
        finally:
            process.kill()


class _Session:
    def __init__(self, log: IO[str], mood: Path, context: ssl.SSLContext | None) -> None:
        self._log = log
        self._mood = mood
        self._context = context
        self._to = ""

    @property
    def mood(self) -> str:
        return self._mood.read_text("ascii")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mood = self.mood
        if mood == "down":
            return
        if mood == "hanging":
            await asyncio.sleep(600)
        greetings = {"greets": b"554 5.3.2 not now\r\n", "garbage": b"\x00\xffwhat?\r\n"}
        writer.write(greetings.get(mood, b"220 receiver.example ESMTP\r\n"))
        while line := await reader.readline():
            verb = line[:4].upper()
            mood = self.mood if verb == b"MAIL" else mood
            if mood == "hanging":  # connections from better days hang and break too
                await asyncio.sleep(600)
            if mood in greetings or mood == "down":
                return
            if verb == b"EHLO":
                tls = b"250-STARTTLS\r\n" if self._context else b""
                writer.write(b"250-receiver.example\r\n" + tls + b"250 PIPELINING\r\n")
            elif verb == b"STAR":
                assert self._context is not None
                writer.write(b"220 go on\r\n")
                await writer.drain()
                await writer.start_tls(self._context)
            elif verb == b"RCPT":
                self._to = line[line.index(b"<") + 1 : line.index(b">")].decode()
                refused = mood == "refusing"
                writer.write(b"554 5.7.1 relay access denied\r\n" if refused else b"250 ok\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                await self._data(reader, writer)
                await asyncio.sleep(0)  # no sender that pipelines keeps the others waiting
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")
            await writer.drain()

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.drain()
        message = await reader.readuntil(b"\r\n.\r\n")
        mood = self.mood
        if mood == "deaf":
            await asyncio.sleep(600)
        if mood == "slow":
            await asyncio.sleep(SLOW_S)
        head = message.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
        found = [x[12:] for x in head.split("\r\n") if x.lower().startswith("message-id: ")]
        # noted before it is answered: what was answered was noted
        self._log.write(f"{time.time():.6f} {self._to} {found[0]}\n")
        self._log.flush()
        writer.write(b"250 2.0.0 taken\r\n")


async def _main(log: Path, mood: Path, context: ssl.SSLContext | None) -> None:
    with log.open("a", encoding="utf-8") as file:

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await _Session(file, mood, context).serve(reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 18, backlog=512)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    made: ssl.SSLContext | None = None
    if len(sys.argv) > 3:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(sys.argv[3], sys.argv[4])
    asyncio.run(_main(Path(sys.argv[1]), Path(sys.argv[2]), made))
