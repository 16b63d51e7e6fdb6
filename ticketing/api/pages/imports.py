"""Lists of cards: sent and checked, looked at, imported; found again by whoever left the page."""

from msgspec import Struct
from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.member_words import reason_text
from ticketing.api.pages.rendering import HEADERS, redirect
from ticketing.api.pages.site import Site, site_of
from ticketing.api.pages.uploads import read_file
from ticketing.errors import Code, Refusal
from ticketing.members import imports
from ticketing.members.card_lines import COLUMNS
from ticketing.members.tables import CardImport
from ticketing.services.event_access import require_writer
from ticketing.services.imports import UPLOAD_BYTES_MAX
from ticketing.services.sheets import Column, Table, csv_pieces

PATH = "/staff/imports"
REFRESH_SECONDS = 3
"""How often the page of an import that goes on comes again by itself where there is no JavaScript."""

_LOOK_SECONDS = 1
_REFUSALS_SHOWN = 100
_FAULTS = {Code.BODY_TOO_LARGE: "is larger than 32 MB"}


class RefusedLine(Struct, frozen=True):
    """A refused line as the page shows it: not what stands in it."""

    number: int
    name: str
    reason: str


async def show_imports(request: Request) -> Response:
    """The form to send a list, and the lists that were sent."""
    return await _list_page(request)


async def _list_page(request: Request, refusal: Refusal | None = None) -> Response:
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    found = await in_thread(site.services.imports.latest, staff)
    errors = refusal.facts.get("errors", ()) if refusal else ()
    fault = next((_reason(site, request, error["reason"]) for error in errors), None)
    return site.page(
        request,
        "staff/imports.html",
        refusal=refusal,
        who=staff,
        path=PATH,
        imports=found,
        fault=fault,
    )


async def send(request: Request) -> Response:
    """Take a list; it is checked before anything is written."""
    site = site_of(request)
    staff = site.require(request, "staff", PATH)
    require_writer(staff)
    try:
        _, name, content = await read_file(request, "file", UPLOAD_BYTES_MAX)
        import_id = await in_thread(site.services.imports.send, staff, name, content)
    except Refusal as refusal:
        if refusal.code not in (Code.INVALID, *_FAULTS):
            raise
        known = _FAULTS.get(refusal.code)
        shown = Refusal(Code.INVALID, errors=[{"field": "file", "reason": known}]) if known else refusal
        return await _list_page(request, shown)
    return redirect(f"{PATH}/{import_id}")


async def show_import(request: Request) -> Response:
    """How far an import is, and what came of it."""
    return await _import_page(request, "staff/import.html")


async def show_progress(request: Request) -> Response:
    """The same without the frame, for the page's script."""
    return await _import_page(request, "staff/import_live.html")


async def _import_page(request: Request, template: str) -> Response:
    site, import_id = site_of(request), request.path_params["import_id"]
    path = f"{PATH}/{import_id}"
    staff = site.require(request, "staff", path)
    row = await in_thread(site.services.imports.get, staff, import_id)
    going = row.state in imports.AT_WORK
    refused = [] if going else await in_thread(_shown_refusals, site, request, row)
    return site.page(
        request,
        template,
        who=staff,
        path=path,
        row=row,
        going=going,
        every=_LOOK_SECONDS if going else None,
        refresh_seconds=REFRESH_SECONDS if going else None,
        refused=refused,
        failure=_reason(site, request, row.failure) if row.failure else None,
    )


def _shown_refusals(site: Site, request: Request, row: CardImport) -> list[RefusedLine]:
    lines: list[RefusedLine] = []
    for line, reason in site.services.imports.refused_lines(row.id):
        if len(lines) == _REFUSALS_SHOWN:
            break
        lines.append(RefusedLine(line.line, line.name, _reason(site, request, reason)))
    return sorted(lines, key=lambda each: each.number)


def _reason(site: Site, request: Request, reason: str) -> str:
    text, values = reason_text(reason)
    return site.renderer.say(request, text, **values)


async def start(request: Request) -> Response:
    """Import a list that was checked."""
    return await _turn(request, "start")


async def drop(request: Request) -> Response:
    """Forget a list."""
    return await _turn(request, "drop")


async def _turn(request: Request, verb: str) -> Response:
    site, import_id = site_of(request), request.path_params["import_id"]
    staff = site.require(request, "staff", f"{PATH}/{import_id}")
    act = site.services.imports.start if verb == "start" else site.services.imports.drop
    await in_thread(act, staff, import_id)
    return redirect(f"{PATH}/{import_id}" if verb == "start" else f"{PATH}?done=dropped")


async def show_template(request: Request) -> Response:
    """An empty list with the names of its columns."""
    site_of(request).require(request, "staff", PATH)
    content = b"".join(csv_pieces(Table(tuple(map(Column, COLUMNS)), ())))
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="cards.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)
