"""A table to take away, at two addresses: `….csv` for programs, `….xlsx` for people, in their language."""

from collections.abc import Callable
from typing import Any

from msgspec import structs
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.pages.headings import HEADINGS
from ticketing.api.pages.languages import Language, choose, load_languages
from ticketing.resources import package_files
from ticketing.services.sheets import Table, csv_pieces, file_pieces, xlsx_file

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Tabulate = Callable[[Call[None]], tuple[str, Table]]


def add_downloads(calls: Calls, operation: Operation, tabulate: Tabulate) -> None:
    """Add `operation` as CSV and as XLSX. `tabulate` gives the file's name, without its ending, and the table."""

    def download_csv(call: Call[None]) -> Response:
        name, table = tabulate(call)
        return _attachment(csv_pieces(table), "text/csv; charset=utf-8", f"{name}.csv")

    def download_xlsx(call: Call[None]) -> Response:
        name, table = tabulate(call)
        words = language_of(call.request).words
        file = xlsx_file(table, lambda column: words.gettext(HEADINGS[column]))
        return _attachment(file_pieces(file), XLSX, f"{name}.xlsx")

    calls(_as(operation, "csv", "text/csv", "CSV, safe against formulas"))(download_csv)
    calls(_as(operation, "xlsx", XLSX, "XLSX"))(download_xlsx)


def _as(operation: Operation, ending: str, media_type: str, kind: str) -> Operation:
    return structs.replace(
        operation,
        path=f"{operation.path}.{ending}",
        summary=f"{operation.summary}, as {kind}",
        media_type=media_type,
    )


def _attachment(pieces: Any, media_type: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return StreamingResponse(pieces, media_type=media_type, headers=headers)


def language_of(request: Request) -> Language:
    """The language in which a table is read by who asks for it."""
    return choose(request, load_languages(package_files("web")))
