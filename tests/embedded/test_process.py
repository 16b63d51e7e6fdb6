"""Goal: a child of ours never outlives us, comes back when it dies, and stops when asked.

Method: real processes that sleep; a parent that is killed from outside.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.processes import descendants, is_alive, kill, wait_for
from ticketing.embedded.process import Child

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
]
PARENT = """
import subprocess, sys, time
from ticketing.embedded.process import Child
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
{start}
time.sleep(60)
"""


def _parent(start: str) -> tuple["subprocess.Popen[bytes]", int]:
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(start=start)])
    assert wait_for(lambda: len(descendants(parent.pid)) == 1, 5)
    return parent, descendants(parent.pid).pop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_child_dies_with_its_killed_parent() -> None:
    parent, child = _parent('Child("sleeper", sleep).start()')
    kill(parent.pid)
    parent.wait()
    assert wait_for(lambda: not is_alive(child), 1)


def test_control_without_the_guard_the_child_is_an_orphan() -> None:
    parent, child = _parent("subprocess.Popen(sleep, start_new_session=True)")
    kill(parent.pid)
    parent.wait()
    try:
        assert not wait_for(lambda: not is_alive(child), 0.5)
    finally:
        kill(child)


def test_a_killed_child_is_started_again_and_it_is_said() -> None:
    said: list[str] = []
    child = Child("the sleeper", SLEEP)
    child.start()
    first = child.pid
    assert first is not None
    kill(first)
    assert wait_for(lambda: child.pid is None, 1)
    child.revive(said.append)
    assert child.pid not in (None, first)
    assert said == ["the sleeper was ended by SIGKILL; starting it again"]
    child.revive(said.append)
    assert len(said) == 1, "one that runs is left alone"
    child.ask_to_stop()
    assert child.wait(time.monotonic() + 5)
    assert child.pid is None


def test_one_that_keeps_dying_is_started_again_with_growing_pauses() -> None:
    said: list[str] = []
    child = Child("the weakling", [sys.executable, "-S", "-c", "raise SystemExit(3)"])
    child.start()
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline:
        child.revive(said.append)
        time.sleep(0.01)
    child.wait(time.monotonic())
    assert said[0] == "the weakling ended with exit code 3; starting it again"
    assert 3 <= len(said) <= 4, "at once, after half a second, after one, after two"


def test_one_that_cannot_be_started_again_is_tried_later(tmp_path: Path) -> None:
    said: list[str] = []
    child = Child("the sleeper", SLEEP)
    child.start()
    assert child.pid is not None
    kill(child.pid)
    assert wait_for(lambda: child.pid is None, 1)
    child.output = tmp_path / "logs" / "log"  # its folder is not there
    child.revive(said.append)
    assert said[1].startswith("the sleeper cannot be started: ")
    child.output = None

    def runs_again() -> bool:
        child.revive(said.append)
        return child.pid is not None

    assert wait_for(runs_again, 2)
    child.ask_to_stop()
    child.wait(time.monotonic() + 5)


def test_a_child_that_does_not_listen_is_killed() -> None:
    child = Child("the deaf one", DEAF)
    child.start()
    pid = child.pid
    assert pid is not None
    time.sleep(0.3)
    child.ask_to_stop()
    assert not child.wait(time.monotonic() + 0.3)
    assert not is_alive(pid)


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    child = Child("the talker", [sys.executable, "-c", "print('hello')"], output=tmp_path / "log")
    child.start()
    child.wait(time.monotonic() + 5)
    assert (tmp_path / "log").read_text() == "hello\n"
