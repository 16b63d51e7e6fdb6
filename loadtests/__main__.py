"""Judge a finished rehearsal: `python -m loadtests DIR` reads its plan, records and books.

Prints one JSON document, `{"result": …, "findings": [{"kind", "count", "text"}], "warnings": […]}`, writes
`report.html` beside the records, and exits 0: whether the findings fail anything is the caller's business.
"""

import sys
from pathlib import Path

import msgspec

from .books import read_books
from .figures import result, tally
from .judge import judge
from .plan import read_plan
from .records import read_records
from .report import render
from .snapshot import overload


def main(directory: Path) -> None:
    """Judge the rehearsal in `directory`."""
    plan, books = read_plan(directory), read_books(directory)
    judgement = judge(plan, read_records(directory), books)
    counted = tally(plan, read_records(directory))
    figures = result(plan, counted, books, judgement)
    warnings = overload(directory)
    (directory / "report.html").write_text(
        render(plan, figures, counted, judgement, warnings), encoding="utf-8"
    )
    document = {"result": figures, "findings": judgement.findings, "warnings": warnings}
    sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
