"""Who did what, for programs: the audit trail a page at a time, and as a file."""

from collections.abc import Iterator

import msgspec

from ticketing.api import schemas
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.downloads import add_downloads, language_of
from ticketing.api.pages.acts import act_text, actions_of, actor_text
from ticketing.api.pages.details import details
from ticketing.api.periods import time_of
from ticketing.api.views import instant
from ticketing.services.event_access import READERS
from ticketing.services.sheets import TIME, Column, Row, Table
from ticketing.services.trail_search import Asked
from ticketing.staff.repository import TrailRow

PATH = "/api/v1/staff/trail"
QUERY = ("about", "act", "who", "since", "until")
COLUMNS = (
    Column("at", TIME),
    Column("actor"),
    Column("action"),
    Column("act"),
    Column("subject"),
    Column("about"),
    Column("detail"),
    Column("in_words"),
)

calls = Calls()


@calls(
    Operation(
        method="GET",
        path=PATH,
        summary="Who did what in one's organisation and below, newest first",
        tag="staff",
        caller="staff",
        roles=READERS,
        gives=schemas.Trail,
        query=(*QUERY, "cursor"),
    )
)
def read_trail(call: Call[None]) -> schemas.Trail:
    """`about`: `kind:id`, an event's id, an order's number, a ticket's code, a username; `act`: a code or its kind."""
    found = call.front.services.trail_search.page(call.caller, _asked(call), call.query("cursor"))
    return schemas.Trail([_entry(row, found.names) for row in found.rows], found.cursor)


def _table(call: Call[None]) -> tuple[str, Table]:
    found = call.front.services.trail_search.export(call.caller, _asked(call))
    return "trail", Table(COLUMNS, _rows(call, found))


def _rows(call: Call[None], found: Iterator[tuple[TrailRow, str]]) -> Iterator[Row]:
    language = language_of(call.request)
    say = language.words.gettext
    for row, name in found:
        yield (
            row.at,
            actor_text(row.actor, say),
            row.action,
            say(act_text(row.action)),
            _subject(row.subject),
            name,
            msgspec.json.encode(row.detail).decode(),
            "\n".join(details(row.detail, language)),
        )


add_downloads(
    calls,
    Operation(
        method="GET",
        path=PATH,
        summary="Who did what, at most 100,000 of the newest acts",
        tag="staff",
        caller="staff",
        roles=READERS,
        query=QUERY,
    ),
    _table,
)


def _asked(call: Call[None]) -> Asked:
    act = call.query("act")
    return Asked(
        about=call.query("about"),
        who=call.query("who"),
        actions=actions_of(act) if act else None,
        since=time_of(call, "since"),
        until=time_of(call, "until"),
    )


def _entry(row: TrailRow, names: dict[str, str]) -> schemas.TrailEntry:
    return schemas.TrailEntry(
        at=instant(row.at),
        actor="member" if row.actor.startswith("member:") else row.actor,
        action=row.action,
        subject=_subject(row.subject),
        name=names.get(row.subject),
        event_id=row.event_id,
        organisation=row.organisation_id,
        detail=row.detail,
    )


def _subject(subject: str) -> str:
    """What an act was about; a member's number never leaves the engine."""
    return "member" if subject.startswith("member:") else subject
