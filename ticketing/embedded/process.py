"""A child process that never outlives us, and is started again when it dies.

Children are session leaders, so that a Ctrl-C in the terminal reaches only us and we stop them in
order. On Linux the kernel kills a child whose parent is gone, even after `kill -9`; it watches the
thread that started the child, so children are started from the main thread only.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
_SETTLED_SECONDS = 30.0


@dataclass(slots=True)
class Child:
    """One process of ours. Build it, `start` it, call `revive` often, `stop` it.

    `keep_fds` are inherited; `output` takes stdout and stderr (default: ours).
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    keep_fds: Sequence[int] = ()
    output: Path | None = None
    _process: subprocess.Popen[bytes] | None = None
    _started_at: float = 0.0
    _deaths: int = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process. Raises `OSError` when the command cannot be run."""
        output = self.output.open("ab") if self.output else None
        try:
            self._process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=self.keep_fds,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - it only calls prctl, looked up beforehand
            )
        finally:
            if output:
                output.close()
        self._started_at = time.monotonic()

    def revive(self, say: Callable[[str], None]) -> None:
        """Start the process again if it has died and its pause is over: at once the first time, later up to 10 s."""
        if self._process is None or self._process.poll() is None:
            return
        lived = time.monotonic() - self._started_at
        self._deaths = 0 if lived > _SETTLED_SECONDS else self._deaths
        pause = _PAUSES[min(self._deaths, len(_PAUSES) - 1)]
        if lived < pause:
            return
        self._deaths += 1
        say(f"{self.name} {_ending(self._process.returncode)}; starting it again")
        try:
            self.start()
        except OSError as error:  # no memory, no room for its log: it may pass, and the others must live on
            self._started_at = time.monotonic()
            say(f"{self.name} cannot be started: {error}")

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process, if it runs."""
        self._signal(signal.SIGTERM)

    def wait(self, deadline: float) -> bool:
        """Wait until `deadline` (monotonic seconds), then kill its whole group. True: it ended by itself."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
            ended = True
        except subprocess.TimeoutExpired:
            ended = False
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        return ended

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(number)


def _ending(returncode: int) -> str:
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    return f"was ended by {signal.Signals(-returncode).name}"


def die_with_parent(number: int = signal.SIGKILL) -> Callable[[], None] | None:
    """A hook for the child, between fork and exec: this signal when its parent dies (Linux; elsewhere no hook)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def hook() -> None:
        prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return hook
