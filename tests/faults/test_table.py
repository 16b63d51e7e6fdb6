"""Goal: the table of faults tells the truth: each row is shown by tests and kinds that are there, no kind is left out.

Method: README.md is read; the tests it names are looked for in their files, the kinds in the list of all kinds.
"""

from pathlib import Path

import pytest

from tests.faults.kinds import KINDS
from tests.support.listed import NAMED, named_in, names_in, rows_of

TABLE = Path(__file__).with_name("README.md").read_text()
ROWS = rows_of(TABLE)


@pytest.mark.parametrize(("file", "name"), named_in(TABLE))
def test_what_the_table_names_is_there(file: str, name: str) -> None:
    assert name in names_in(file)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_fault_has_its_outcome_and_a_test(row: list[str]) -> None:
    _, outcome, _, shown = row
    assert outcome
    assert NAMED.search(shown)


def test_every_kind_is_of_a_fault_in_the_table() -> None:
    named = {kind.strip() for row in ROWS for kind in row[2].split(";")} - {""}
    assert named == KINDS.keys()
