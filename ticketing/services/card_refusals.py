"""Refused lines as a file to mend and send again: the columns that an import reads, and why the line was refused.

No cell of it runs in a spreadsheet; the apostrophe that sees to that is taken off again when the file comes back.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from ticketing.members.card_lines import COLUMNS
from ticketing.members.card_plan import Refused
from ticketing.services.exports import BYTE_ORDER_MARK, csv_lines, safe_cell

REASON = "reason"

Words = Callable[[str], str]
"""A reason as the reader of the file shall read it."""


def refusal_rows(refused: Iterable[Refused], words: Words = str) -> Iterator[Sequence[str]]:
    """A row for each refused line: its cells as they were written, then the line's number and the reason."""
    for line, reason in refused:
        cells = [str(getattr(line, name)) for name in COLUMNS]
        yield [*map(safe_cell, cells), str(line.line), safe_cell(words(reason))]


def refusals_csv(refused: Iterable[Refused], words: Words = str) -> Iterator[bytes]:
    """The file as CSV, in pieces."""
    yield csv_lines([HEADER], BYTE_ORDER_MARK)
    for row in refusal_rows(refused, words):
        yield csv_lines([row])


HEADER = (*COLUMNS, "line", REASON)
