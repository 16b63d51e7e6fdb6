"""Who did what: the page on which staff search the audit trail of their organisation and below."""

from datetime import date, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages import acts
from ticketing.api.pages.days import midnight, utc_text
from ticketing.api.pages.details import details
from ticketing.api.pages.languages import Language
from ticketing.api.pages.site import site_of
from ticketing.errors import Code, Refusal
from ticketing.services.trail_search import Asked, Found
from ticketing.staff.repository import TrailRow

PATH = "/staff/trail"
FIELDS = ("about", "act", "who", "first", "last")


class Line(NamedTuple):
    """One act as it is shown."""

    at: int
    actor: str
    action: str
    name: str
    href: str | None
    details: list[str]


async def show_trail(request: Request) -> Response:
    """The acts that fit, newest first."""
    site = site_of(request)
    reader = site.require(request, "staff", PATH)
    typed = {name: request.query_params.get(name, "") for name in FIELDS}
    found: Found = await in_thread(
        site.services.trail_search.page, reader, _asked(typed), request.query_params.get("cursor")
    )
    language = site.renderer.language(request)
    given = {name: value for name, value in typed.items() if value}
    return site.page(
        request,
        "staff/trail.html",
        who=reader,
        path=PATH,
        typed=typed,
        kinds=acts.KINDS,
        acts=acts.ACTS,
        lines=[_line(row, found, language) for row in found.rows],
        next_page=f"{PATH}?{urlencode({**given, 'cursor': found.cursor})}" if found.cursor else None,
        files=urlencode(_of_program(typed)),
    )


def _asked(typed: dict[str, str]) -> Asked:
    return Asked(
        about=typed["about"],
        who=typed["who"],
        actions=acts.actions_of(typed["act"]) if typed["act"] else None,
        since=_midnight(typed["first"]),
        until=_midnight(typed["last"], 1),
    )


def _of_program(typed: dict[str, str]) -> dict[str, str]:
    """The same wish as the API takes it."""
    same = {name: typed[name] for name in ("about", "act", "who") if typed[name]}
    times = {"since": _midnight(typed["first"]), "until": _midnight(typed["last"], 1)}
    return same | {name: utc_text(at) for name, at in times.items() if at is not None}


def _midnight(text: str, days: int = 0) -> int | None:
    """When a day begins, or one so many days later; None without a day."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
        if not date(1971, 1, 1) <= day < date(9998, 1, 1):
            raise ValueError(text)
    except ValueError as error:
        raise Refusal(Code.INVALID) from error
    return midnight(day + timedelta(days=days))


def _line(row: TrailRow, found: Found, language: Language) -> Line:
    return Line(
        at=row.at,
        actor=row.actor,
        action=row.action,
        name=found.names.get(row.subject, ""),
        href=_href(row),
        details=details(row.detail, language),
    )


def _href(row: TrailRow) -> str | None:
    """Where what an act was about can be seen: its own page, or all that was done to it."""
    kind, _, id_ = row.subject.partition(":")
    if kind in ("event", "quota") and row.event_id:
        return f"/staff/events/{row.event_id}"
    if kind == "venue":
        return f"/staff/venues/{id_}"
    if kind == "budget":
        return f"/staff/budgets/{id_}"
    if kind == "shift":
        return f"/desk/till/{id_}"
    return f"{PATH}?{urlencode({'about': row.subject})}" if kind in ("order", "card", "staff") else None
