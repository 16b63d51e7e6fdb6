"""Starts the process that works on lists of cards when one is due, and sees to it that it ends with its worker.

A list of 180,000 lines is a minute of one processor; in the worker's own process the drain would wait for it.
"""

import os
import subprocess
import sys
from pathlib import Path
from threading import Event

import structlog

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.members import imports
from ticketing.services.import_work import ImportWork

LOOK_SECONDS = 1.0
FORGET_SECONDS = 3_600.0
"""How often what was sent long ago is looked for and taken away."""

_STOP_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class Importer:
    """One for each worker process. `look` once, or `run` until told to stop."""

    def __init__(self, sessions: Sessions, clock: ServerClock, work: ImportWork, data_dir: Path) -> None:
        """`work` releases and forgets what the processes that are started here leave behind."""
        self._sessions = sessions
        self._clock = clock
        self._work = work
        # -P: a folder called `ticketing` where the worker stands is not ours.
        self._command = [sys.executable, "-P", "-m", "ticketing", "cards", "work"]
        self._command += ["--runner", work.runner, "--data-dir", str(data_dir)]
        self._process: subprocess.Popen[bytes] | None = None
        self._looks = 0

    def run(self, stop: Event) -> None:
        """Look every second until `stop` is set; then end what was started. What fails is logged."""
        while not stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - it outlives every outage of what it looks at
                _log.warning("importer_cannot_look", error=f"{type(error).__name__}: {error}")
        self.end()

    def look(self) -> None:
        """Start a process when a list is due and none is at work here."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._process = None
            self._work.release()
        if self._looks % int(FORGET_SECONDS / LOOK_SECONDS) == 0:
            self._work.forget()
        self._looks += 1
        with reading(self._sessions) as session:
            due = imports.due(session, self._clock.now_ms())
        if due is not None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=dict(os.environ)
            )

    def end(self) -> None:
        """Stop the process; another goes on with what it has not done."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        try:
            self._work.release()
        except Exception as error:  # noqa: BLE001 - its time runs out by itself
            _log.warning("importer_cannot_release", error=f"{type(error).__name__}: {error}")
