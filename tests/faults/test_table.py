"""Goal: the table of faults tells the truth: each row is shown by tests and kinds that are there, no kind is left out.

Method: README.md is read; the tests it names are looked for in their files, the kinds in the list of all kinds.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.faults.kinds import KINDS

TESTS = Path(__file__).parent.parent
TABLE = Path(__file__).with_name("README.md").read_text()
ROWS = [line.strip("| ").split("|") for line in TABLE.splitlines() if line.startswith("| ")][2:]
_NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@cache
def names_in(file: str) -> set[str]:
    """The tests of a file, by name."""
    body = ast.parse((TESTS / file).read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), sorted(set(_NAMED.findall(TABLE))))
def test_what_the_table_names_is_there(file: str, name: str) -> None:
    assert name in names_in(file)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip())
def test_every_fault_has_its_outcome_and_a_test(row: list[str]) -> None:
    _, outcome, _, shown = (cell.strip() for cell in row)
    assert outcome
    assert _NAMED.search(shown)


def test_every_kind_is_of_a_fault_in_the_table() -> None:
    named = {kind.strip() for row in ROWS for kind in row[2].split(";")} - {""}
    assert named == KINDS.keys()
