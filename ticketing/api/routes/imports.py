"""Lists of cards: sent, checked, imported by the worker; looked at while that goes on."""

from itertools import islice

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.downloads import XLSX, add_downloads, language_of
from ticketing.api.pages.member_words import reason_text
from ticketing.errors import Code, invalid
from ticketing.members.tables import CardImport
from ticketing.services.card_refusals import refusals_table
from ticketing.services.event_access import WRITERS
from ticketing.services.imports import REFUSALS_SHOWN_MAX
from ticketing.services.sheets import Table

MEDIA_TYPES = (
    "text/csv",
    XLSX,
    "application/octet-stream",
)
IMPORTS = "/api/v1/staff/imports"

calls = Calls()


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/cards/import",
        summary="Send a list of cards, CSV or XLSX; with `check=true` it is only checked",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        uploads=MEDIA_TYPES,
        query=("check", "file_name"),
        gives=schemas.ImportAccepted,
        status=202,
    )
)
def send_list(call: Call[bytes | None]) -> schemas.ImportAccepted:
    """Members of one's own organisation and below come, change and move; what is refused is in the import."""
    check = call.query("check") or "false"
    if check not in ("true", "false"):
        raise invalid(("check", "must be true or false"))
    name = call.query("file_name") or "cards"
    service = call.front.services.imports
    return schemas.ImportAccepted(service.send(call.caller, name, call.body or b"", check=check == "true"))


@calls(
    Operation(
        method="GET",
        path=IMPORTS,
        summary="The latest lists of cards of one's organisation and below",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.CardImports,
    )
)
def list_imports(call: Call[None]) -> schemas.CardImports:
    """Newest first."""
    return schemas.CardImports([_view(row) for row in call.front.services.imports.latest(call.caller)])


@calls(
    Operation(
        method="GET",
        path=f"{IMPORTS}/{{import_id}}",
        summary="How far a list is, and what came of it",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.CardImport,
        codes=(Code.NOT_FOUND,),
    )
)
def show_import(call: Call[None]) -> schemas.CardImport:
    """With the first thousand refused lines."""
    service = call.front.services.imports
    row = service.get(call.caller, call.path("import_id"))
    view = _view(row)
    first = islice(service.refused_lines(row.id), REFUSALS_SHOWN_MAX)
    view.refusals = [schemas.RefusedLine(line.line, reason) for line, reason in first]
    return view


@calls(
    Operation(
        method="POST",
        path=f"{IMPORTS}/{{import_id}}/start",
        summary="Import a list that was checked",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.CardImport,
        codes=(Code.NOT_FOUND, Code.INVALID),
    )
)
def start_import(call: Call[None]) -> schemas.CardImport:
    """Said again it changes nothing."""
    service = call.front.services.imports
    service.start(call.caller, call.path("import_id"))
    return _view(service.get(call.caller, call.path("import_id")))


@calls(
    Operation(
        method="POST",
        path=f"{IMPORTS}/{{import_id}}/drop",
        summary="Forget a list that was checked or could not be read",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        status=204,
        codes=(Code.NOT_FOUND, Code.INVALID),
    )
)
def drop_import(call: Call[None]) -> None:
    """What was sent is gone at once."""
    call.front.services.imports.drop(call.caller, call.path("import_id"))


def _refused(call: Call[None]) -> tuple[str, Table]:
    """Card numbers and PINs as they were sent, for a week; the reasons in the reader's language."""
    refused = call.front.services.imports.refused(call.caller, call.path("import_id"))
    words = language_of(call.request).words

    def said(reason: str) -> str:
        text, values = reason_text(reason)
        return words.gettext(text) % values

    return "refused", refusals_table(refused, said)


add_downloads(
    calls,
    Operation(
        method="GET",
        path=f"{IMPORTS}/{{import_id}}/refused",
        summary="The refused lines with their reasons, to mend and send again",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        codes=(Code.NOT_FOUND,),
    ),
    _refused,
)


def _view(row: CardImport) -> schemas.CardImport:
    return schemas.CardImport(
        id=row.id,
        file_name=row.file_name,
        sent_at=views.instant(row.at),
        sent_by=row.actor.removeprefix("staff:"),
        state=row.state,  # type: ignore[arg-type] # one of the states, as the table has it
        lines=row.total,
        lines_done=row.done,
        accepted=row.accepted,
        added=row.added,
        changed=row.changed,
        moved=row.moved,
        refused=row.refused,
        failure=row.failure,
        finished_at=views.instant_or_none(row.finished_at),
        refusals=[],
    )
