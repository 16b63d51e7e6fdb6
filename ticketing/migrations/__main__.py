"""`python -m ticketing.migrations MESSAGE`: write the next version from a scratch SQLite database."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from ticketing.database import make_engine
from ticketing.migrations import upgrade, write_version


def main(message: str) -> None:
    """Upgrade an empty database, compare it with the models, write what is missing."""
    with TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'scratch.sqlite3'}")
        upgrade(engine)
        with engine.begin() as connection:
            write_version(connection, message)
        engine.dispose()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "change")
