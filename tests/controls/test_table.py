"""Goal: the table of guards tells the truth: every test that it names is there, and every rule has both kinds.

Method: README.md is read, and the tests it names are looked for in the files it names.
"""

from pathlib import Path

import pytest

from tests.support.listed import NAMED, named_in, names_in, rows_of

TABLE = Path(__file__).with_name("README.md").read_text()


@pytest.mark.parametrize(("file", "name"), named_in(TABLE))
def test_what_the_table_names_is_there(file: str, name: str) -> None:
    assert name in names_in(file)


@pytest.mark.parametrize("row", rows_of(TABLE), ids=lambda row: row[0])
def test_every_rule_is_shown_and_has_its_control(row: list[str]) -> None:
    _, shown, without = row
    assert NAMED.search(shown)
    controls = NAMED.findall(without if without != "the same, unguarded" else shown)
    assert controls
    assert all(name.startswith("test_control_") for _, name in controls)
