"""Reports for the finance office: JSON, and each as CSV and XLSX to take away."""

from typing import Any

from msgspec import Struct, structs

from ticketing.api.calls import Call, Calls, Handler
from ticketing.api.contract import Operation
from ticketing.api.downloads import Tabulate, add_downloads
from ticketing.api.periods import PERIOD_QUERY, period_of
from ticketing.api.schemas import reports as schemas
from ticketing.api.views import instant, instant_or_none
from ticketing.catalogue.model import KINDS
from ticketing.errors import Code, invalid
from ticketing.reports.participation import Participation
from ticketing.reports.settlement import Settlement
from ticketing.services.event_access import READERS
from ticketing.services.report_period import Asked
from ticketing.services.report_tables import (
    attendance_table,
    demand_table,
    participation_table,
    settlement_table,
)

REPORTS = "/api/v1/staff/reports"

calls = Calls()


def _add(
    name: str, summary: str, gives: type[Struct], handle: Handler, tabulate: Tabulate, *query: str
) -> None:
    operation = Operation(
        method="GET",
        path=f"{REPORTS}/{name}",
        summary=summary,
        tag="staff",
        caller="staff",
        roles=READERS,
        query=(*PERIOD_QUERY, "organisation", *query),
        codes=(Code.NOT_FOUND,),
    )
    calls(structs.replace(operation, gives=gives))(handle)
    add_downloads(calls, operation, tabulate)


def _asked(call: Call[None]) -> Asked:
    return Asked(*period_of(call), call.query("organisation"))


def _times(asked: Asked) -> dict[str, Any]:
    return {"since": instant(asked.since), "until": instant(asked.until)}


def _settlement(call: Call[None], asked: Asked) -> Settlement:
    return call.front.services.reports.settlement(call.caller, asked, call.query("venue"))


def show_settlement(call: Call[None]) -> schemas.Settlement:
    """Only `collected` lines are owed; the others make up the rest of the same events' orders."""
    asked = _asked(call)
    return schemas.Settlement(**_times(asked), **structs.asdict(_settlement(call, asked)))


def _participation(call: Call[None], asked: Asked) -> Participation:
    kind = call.query("kind")
    if kind is not None and kind not in KINDS:
        raise invalid(("kind", f"must be one of {', '.join(KINDS)}"))
    return call.front.services.reports.participation(call.caller, asked, kind)


def show_participation(call: Call[None]) -> schemas.Participation:
    """Each member counts once in each figure."""
    asked = _asked(call)
    return schemas.Participation(**_times(asked), **structs.asdict(_participation(call, asked)))


def show_attendance(call: Call[None]) -> schemas.Attendance:
    """A quota without a time of its own takes place with its event."""
    asked = _asked(call)
    rows = [structs.asdict(row) for row in call.front.services.reports.attendance(call.caller, asked)]
    quotas = [schemas.Attended(**row | {"starts_at": instant(row["starts_at"])}) for row in rows]
    return schemas.Attendance(**_times(asked), quotas=quotas)


def show_demand(call: Call[None]) -> schemas.DemandReport:
    """Refusals of sales that are not archived are at most a second old."""
    asked = _asked(call)
    rows = [structs.asdict(row) for row in call.front.services.reports.demand(call.caller, asked)]
    return schemas.DemandReport(**_times(asked), events=[schemas.Demand(**_with_times(row)) for row in rows])


def _with_times(row: dict[str, Any]) -> dict[str, Any]:
    times = {"opens_at": instant(row["opens_at"]), "sold_out_at": instant_or_none(row["sold_out_at"])}
    return row | times


_add(
    "settlement",
    "What venues are owed for tickets collected in a time",
    schemas.Settlement,
    show_settlement,
    lambda call: ("settlement", settlement_table(_settlement(call, _asked(call)))),
    "venue",
)
_add(
    "participation",
    "How many of those who hold a card used it in a time",
    schemas.Participation,
    show_participation,
    lambda call: ("participation", participation_table(_participation(call, _asked(call)))),
    "kind",
)
_add(
    "attendance",
    "Tickets collected and not collected of what takes place in a time",
    schemas.Attendance,
    show_attendance,
    lambda call: (
        "attendance",
        attendance_table(call.front.services.reports.attendance(call.caller, _asked(call))),
    ),
)
_add(
    "demand",
    "Refusals, time to sell out and allowance used of the sales that opened in a time",
    schemas.DemandReport,
    show_demand,
    lambda call: ("demand", demand_table(call.front.services.reports.demand(call.caller, _asked(call)))),
)
