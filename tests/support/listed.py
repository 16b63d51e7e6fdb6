"""Tables in Markdown that name tests, as `file.py::test_name`, and whether those tests are there."""

import ast
import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent.parent
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def rows_of(table: str) -> list[list[str]]:
    """The cells of each row but the heading."""
    rows = [line.strip("| ").split("|") for line in table.splitlines() if line.startswith("| ")][2:]
    return [[cell.strip() for cell in row] for row in rows]


def named_in(table: str) -> list[tuple[str, str]]:
    """Every test that a table names, once: its file below `tests/`, and its name."""
    return sorted(set(NAMED.findall(table)))


@cache
def names_in(file: str) -> set[str]:
    """The tests of a file, by name."""
    body = ast.parse((TESTS / file).read_text()).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
