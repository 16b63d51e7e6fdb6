"""Goal: migrations are a line, each after the one before: two of one number would stop every installation.

Method: the files' names and what they say of themselves are read, without a database.
"""

import re
from pathlib import Path

VERSIONS = Path(__file__).parents[3] / "ticketing" / "migrations" / "versions"


def test_each_migration_follows_the_one_before() -> None:
    said = []
    for path in sorted(VERSIONS.glob("[0-9]*.py")):
        text = path.read_text()
        revision = re.search(r'^revision = "(\d+)"$', text, re.MULTILINE)
        assert revision is not None, path.name
        down = re.search(r'^down_revision = "(\d+)"$', text, re.MULTILINE)
        said.append((path.name[:4], revision[1], down[1] if down else None))
    numbers = [f"{number:04}" for number in range(1, len(said) + 1)]
    assert said == list(zip(numbers, numbers, [None, *numbers], strict=False))
