"""Clocks that can be wrong: two numbers in a file that the processes of the world look at.

`sitecustomize` runs this in the API and in the worker. The wall clock of the machine is read through
`time.time`; Redis' clock is what the scripts are told, for they take a time as an argument.
"""

import struct
from collections.abc import Mapping
from pathlib import Path

SITECUSTOMIZE = """
import mmap, os, struct, time
from ticketing.inventory import protocol

with open(os.environ["FAULTS_CLOCKS"], "rb") as file:
    offsets = mmap.mmap(file.fileno(), 16, access=mmap.ACCESS_READ)

def ahead(which):
    return struct.unpack_from("q", offsets, 8 * which)[0]

wall, envelope = time.time, protocol.envelope
time.time = lambda: wall() + ahead(0) / 1000

def told(epoch, position_min, bounds):
    ms = ahead(1)
    if ms:
        from dataclasses import replace
        bounds = replace(bounds, now_ms=int(wall() * 1000) + ms)
    return envelope(epoch, position_min, bounds)

protocol.envelope = told
"""


class Clocks:
    """Sets how far the clocks are ahead of the truth, in ms."""

    def __init__(self, folder: Path, tampering: str = "") -> None:
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(SITECUSTOMIZE + tampering)
        self._folder = folder
        self._file = folder / "clocks"
        self.set()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process needs to go by these clocks."""
        return {"PYTHONPATH": str(self._folder), "FAULTS_CLOCKS": str(self._file)}

    def set(self, machine: int = 0, redis: int = 0) -> None:
        """Move the machine's clock and Redis'; without arguments both are right again."""
        mode = "r+b" if self._file.exists() else "wb"
        with self._file.open(mode) as file:
            file.write(struct.pack("qq", machine, redis))
