"""Goal: the table of guards tells the truth: every test that it names is there, and every rule has both kinds.

Method: README.md is read, and the tests it names are looked for in the files it names.
"""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
TABLE = Path(__file__).with_name("README.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][2:]
_NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@cache
def names_in(file: str) -> set[str]:
    """The tests of a file, by name."""
    body = ast.parse((TESTS / file).read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("file", "name"), sorted(set(_NAMED.findall(TABLE))))
def test_what_the_table_names_is_there(file: str, name: str) -> None:
    assert name in names_in(file)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_rule_is_shown_and_has_its_control(row: list[str]) -> None:
    _, shown, without = row
    assert _NAMED.search(shown)
    controls = _NAMED.findall(without if without != "the same, unguarded" else shown)
    assert controls
    assert all(name.startswith("test_control_") for _, name in controls)
