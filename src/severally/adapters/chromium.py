"""Pictures of pages, by a Chromium that is installed already.

Responsible for starting it without a window, speaking its DevTools protocol over a pipe (no
port is opened, so nobody else on the machine can look in), and ending it. The pages get no
network and run no scripts.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from severally.model.errors import SeverallyError
from severally.model.view import Light, Picture, View

PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_SILENCE_S = 60.0
"""Without a word from it for so long, it hangs."""
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--mute-audio",
)
_UNOFFERED = """
for (const meta of document.querySelectorAll('meta[name*="color-scheme"]')) meta.remove();
for (const style of document.querySelectorAll('style'))
  style.textContent = style.textContent.replace(/(supported-)?color-schemes?\\s*:[^;}]*;?/g, '');
"""
"""Takes back the page's offer of dark colours, as programs see it that never look for one."""


class CameraBroken(SeverallyError):
    """Chromium is there and does not do what it should."""


def find_chromium(programs: Sequence[str] = PROGRAMS) -> str | None:
    """The path of the first that is installed."""
    return next((path for name in programs if (path := shutil.which(name))), None)


class Chromium:
    """`app.studio.Camera`. A context: the browser lives inside it."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._ids = itertools.count(1)
        self._buffer = b""
        self._session = ""

    def __enter__(self) -> Chromium:
        self._profile = tempfile.TemporaryDirectory(
            prefix="severally-chromium-", ignore_cleanup_errors=True
        )
        self._start()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.call("Network.enable")
        self.call(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )
        self.call("Emulation.setScriptExecutionDisabled", value=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def pictures(self, page: Path, views: Sequence[View]) -> Iterator[Picture]:
        """One for each view, in order. Raises CameraBroken."""
        last: Light | None = None
        for view in views:
            if last is None or Light.INVERTED in (last, view.light):
                self._show(page, view.light)
            last = view.light
            yield self._picture(view)

    def call(self, method: str, /, **parameters: Any) -> Mapping[str, Any]:
        """One DevTools command and its answer. Raises CameraBroken."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        try:
            while data:
                data = data[os.write(self._to, data) :]
        except BrokenPipeError:
            raise self._broken("it ended by itself") from None
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise self._broken(f"{method}: {answer['error'].get('message')}")
                result: Mapping[str, Any] = answer["result"]
                return result

    # --- the page

    def _show(self, page: Path, light: Light) -> None:
        inverted = light is Light.INVERTED
        self.call("Emulation.setAutoDarkModeOverride", enabled=inverted)
        answer = self.call("Page.navigate", url=page.resolve().as_uri())
        if answer.get("errorText"):
            raise self._broken(f"{page.name}: {answer['errorText']}")
        while self._read().get("method") != "Page.loadEventFired":
            pass
        if inverted:
            self.call("Runtime.evaluate", expression=_UNOFFERED)

    def _picture(self, view: View) -> Picture:
        dark = "dark" if view.light is Light.DARK else "light"
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": dark}],
        )
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=view.width,
            height=600,
            deviceScaleFactor=1,
            mobile=view.touch,
        )
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        width, height = round(size["width"]), round(size["height"])
        shot = self.call(
            "Page.captureScreenshot",
            format="png",
            captureBeyondViewport=True,
            optimizeForSpeed=True,
            clip={"x": size["x"], "y": 0, "width": width, "height": height, "scale": 1},
        )
        return Picture(view, base64.b64decode(shot["data"]), width, height)

    # --- the process

    def _start(self) -> None:
        """File 3 is what it reads commands from, file 4 what it writes answers to."""
        theirs_in, ours_out = (_high(fd) for fd in os.pipe())
        ours_in, theirs_out = (_high(fd) for fd in os.pipe())
        self._log = Path(self._profile.name) / "log"
        arguments = [self._program, *_FLAGS, f"--user-data-dir={self._profile.name}/profile"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # it refuses to start as root with one
        log_flags = os.O_WRONLY | os.O_CREAT
        self._pid = os.posix_spawn(
            self._program,
            arguments,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, str(self._log), log_flags, 0o600),
                (os.POSIX_SPAWN_DUP2, theirs_in, 3),
                (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            ],
            setpgroup=0,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._to, self._from = ours_out, ours_in

    def _read(self) -> Mapping[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], _SILENCE_S)
            if not ready:
                raise self._broken(f"no answer for {_SILENCE_S:.0f} s")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise self._broken("it ended by itself")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        answer: Mapping[str, Any] = json.loads(message)
        return answer

    def _broken(self, why: str) -> CameraBroken:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        said = f" (it said: {lines[-1][:200]})" if lines else ""
        return CameraBroken(f"{self._program} does not take pictures: {why}{said}")


def _high(fd: int) -> int:
    """The same file under a number that is none of 0 to 4, closed in programs we start."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved
