"""Refused lines as a file to mend and send again: the columns that an import reads, and why the line was refused.

No cell of it runs in a spreadsheet; the apostrophe that sees to that is taken off again when the file comes back.
"""

from collections.abc import Callable, Iterable, Iterator

from ticketing.members.card_lines import COLUMNS
from ticketing.members.card_plan import Refused
from ticketing.services.sheets import NUMBER, Column, Row, Table, csv_pieces

REASON = "reason"

_CELL_MAX = 1_000  # ten times what a line may say: an endless cell is not written back

Words = Callable[[str], str]
"""A reason as the reader of the file shall read it."""


def refusals_table(refused: Iterable[Refused], words: Words = str) -> Table:
    """A row for each refused line: its cells as they were written, then the line's number and the reason."""
    return Table(_COLUMNS, (_row(one, words) for one in refused))


def refusals_csv(refused: Iterable[Refused], words: Words = str) -> Iterator[bytes]:
    """The same as CSV, in pieces."""
    return csv_pieces(refusals_table(refused, words))


def _row(one: Refused, words: Words) -> Row:
    line, reason = one
    return [*(str(getattr(line, name))[:_CELL_MAX] for name in COLUMNS), line.line, words(reason)]


_COLUMNS = (*map(Column, COLUMNS), Column("line_number", NUMBER), Column(REASON))
