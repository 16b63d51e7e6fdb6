"""The real `ticketing` command as a subprocess, as an operator runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.processes import command_of, descendants, kill, wait_for

READY_SECONDS = 60.0
STOP_SECONDS = 10.0


def environment() -> dict[str, str]:
    """Our environment without any setting of an instance."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TICKETING_")}


def ticketing(
    *arguments: str, python: str = sys.executable, seconds: float = 60.0, cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a verb to its end."""
    return subprocess.run(
        [python, "-P", "-m", "ticketing", *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=environment(),
        cwd=cwd,
    )


def _name(path: str) -> str:
    return path.rpartition("/")[2]


class RunningInstance:
    """A `ticketing up` or `demo` of a test."""

    def __init__(self, process: "subprocess.Popen[bytes]", data_dir: Path, log: Path) -> None:
        self.process = process
        self.data_dir = data_dir
        self._log = log

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return (self.data_dir / "api.url").read_text()

    @property
    def demo(self) -> Any:
        """What `demo.json` holds."""
        return json.loads((self.data_dir / "demo.json").read_text())

    def said(self) -> str:
        """Everything it has printed."""
        return self._log.read_text()

    def part(self, word: str) -> int:
        """Our process that is an `api`, a `worker` or the `valkey-server`; one just started is waited for."""
        assert wait_for(lambda: len(self.parts(word)) == 1, 2), f"{word}: {self.parts(word)}"
        return self.parts(word)[0]

    def parts(self, word: str) -> list[int]:
        """Those of our processes that are such a part now."""
        commands = {pid: command_of(pid) for pid in descendants(self.process.pid)}
        return [pid for pid, command in commands.items() if word in map(_name, " ".join(command).split())]

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Ask it to stop and wait until it has; how many seconds that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(STOP_SECONDS + 5)
        return time.monotonic() - began

    def is_ready(self) -> bool:
        """Whether it says that it is ready; fails when it has ended."""
        assert self.process.poll() is None, self.said()
        return (self.data_dir / "api.url").exists()


@contextmanager
def running(
    verb: str,
    data_dir: Path,
    options: Sequence[str] = (),
    python: str = sys.executable,
    cwd: Path | None = None,
    settings: Mapping[str, str] | None = None,
    until: Callable[[RunningInstance], bool] = RunningInstance.is_ready,
) -> Iterator[RunningInstance]:
    """A `ticketing VERB` on a free port, ready (or as far as `until`), killed at the end if it still runs.

    `settings` is its environment.
    """
    (data_dir / "api.url").unlink(missing_ok=True)  # of one that was killed; it would look ready at once
    log = data_dir.with_name(f"{data_dir.name}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-P", "-m", "ticketing", verb, "--data-dir", str(data_dir), "--port", "0", *options],
            stdout=output,
            stderr=output,
            env=environment() | dict(settings or {}),
            cwd=cwd,
        )
    instance = RunningInstance(process, data_dir, log)
    try:
        assert wait_for(lambda: until(instance), READY_SECONDS), instance.said()
        yield instance
    finally:
        if process.poll() is None:
            parts = descendants(process.pid)
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                for pid in (process.pid, *parts):
                    with suppress(ProcessLookupError):  # it has just ended
                        kill(pid)
                process.wait()
