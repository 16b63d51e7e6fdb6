"""One owner per data directory."""

import fcntl
import os
from pathlib import Path
from typing import Self

from ticketing.errors import Misconfigured


class DirectoryLock:
    """An exclusive lock on a data directory, held until every process that inherited `fd` is gone.

    The bundled server inherits it, so nobody can start a second one on the same files while the
    first is still alive, even if what started it was killed.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.fd = -1

    def __enter__(self) -> Self:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.fd = os.open(self.data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self.fd)
            raise Misconfigured(
                f"{self.data_dir} is in use by another `ticketing up`; stop that one, or give --data-dir"
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
