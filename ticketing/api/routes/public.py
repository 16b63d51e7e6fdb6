"""What anybody may read: the list of events, and how the process is."""

from typing import get_args

from starlette.responses import Response

from ticketing.api import metrics, schemas
from ticketing.api.calls import Call, Calls, json_response
from ticketing.api.contract import Operation
from ticketing.errors import invalid

calls = Calls()


@calls(
    Operation(
        method="GET",
        path="/api/v1/events",
        summary="Published events without their quotas, soonest sale first",
        tag="public",
        gives=schemas.Events,
        query=("organisation", "status"),
    )
)
async def list_events(call: Call[None]) -> schemas.Events:
    """From memory, at most about a second old."""
    organisation, status = call.query("organisation"), call.query("status")
    if status is not None and status not in get_args(schemas.Status):
        raise invalid(("status", f"must be one of {', '.join(get_args(schemas.Status))}"))
    return schemas.Events(
        [
            summary
            for summary in call.front.board.summaries()
            if organisation in (None, summary.organisation) and status in (None, summary.status)
        ]
    )


@calls(
    Operation(
        method="GET", path="/healthz", summary="The process runs", tag="operations", gives=schemas.Health
    )
)
async def healthz(call: Call[None]) -> schemas.Health:
    """Says nothing about the servers: see `readyz`."""
    return schemas.Health()


@calls(
    Operation(
        method="GET",
        path="/readyz",
        summary="200 while this process can decide holds for any group; 503 with the same body otherwise",
        tag="operations",
        gives=schemas.Readiness,
    )
)
async def readyz(call: Call[None]) -> Response:
    """What the process saw within the last second or so."""
    board, settings = call.front.board, call.front.services.settings
    groups, recovering, backlogs = board.groups(), board.recovering(), board.backlogs()
    able = board.redis_answers and (not groups or not groups.issubset(recovering))
    full = any(count >= settings.backlog_max for count in backlogs.values())
    signs = {
        "redis": not board.redis_answers,
        "sql": not board.sql_answers,
        "recovering": bool(recovering),
        "backlog": full,
    }
    readiness = schemas.Readiness(
        ready=able,
        degraded=[name for name, present in signs.items() if present],
        recovering=recovering,
        backlog=sum(backlogs.values()),
        rehearsal=settings.rehearsal,
    )
    return json_response(readiness, 200 if able else 503)


@calls(
    Operation(
        method="GET",
        path="/metrics",
        summary="Prometheus metrics of all API processes",
        tag="operations",
        media_type="text/plain",
    )
)
def read_metrics(call: Call[None]) -> Response:
    """In Prometheus' text format."""
    return Response(call.front.metrics.page(), media_type=metrics.CONTENT_TYPE)
