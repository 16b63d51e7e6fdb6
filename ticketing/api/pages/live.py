"""Pages for who watches a sale: the numbers as they change, the same for a wall, and the sale's course afterwards.

The stream sends the part of the page that changes, as the page itself has it; so one template makes both, and a
browser without JavaScript has the same page as it was when it came.
"""

from datetime import timedelta
from typing import Any, NamedTuple

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api import schemas
from ticketing.api.live import Writing
from ticketing.api.pages.charts import WIDTH, Curve, curve
from ticketing.api.pages.formats import Formats
from ticketing.api.pages.languages import Language
from ticketing.api.pages.site import site_of
from ticketing.api.stats_views import watched_view
from ticketing.services.curve import ALL, SPANS_MS, Moment, SaleCurve
from ticketing.services.stats import LIVE_MS, EventStats

PATH = "/staff/events/{event_id}/live"
WALL = "/staff/events/{event_id}/wall"
CURVE = "/staff/events/{event_id}/curve"
SECOND = timedelta(seconds=1)
NOW_SECONDS = 10
"""Sales "per second now" are the mean of so many seconds."""

_FINE_MS = 60_000
"""With shorter steps than this a curve's times have seconds."""

SPANS = (ALL, *SPANS_MS)


async def show_live(request: Request) -> Response:
    """The numbers of a sale as they change."""
    return await _watched(request, PATH, "staff/live.html")


async def show_wall(request: Request) -> Response:
    """The same for a big screen."""
    return await _watched(request, WALL, "staff/wall.html")


async def stream_live(request: Request) -> Response:
    """The changing part of the page, again and again."""
    return await _stream(request, PATH, "staff/live_numbers.html")


async def stream_wall(request: Request) -> Response:
    """The changing part of the wall."""
    return await _stream(request, WALL, "staff/wall_numbers.html")


async def show_curve(request: Request) -> Response:
    """The course of a sale, during it or long afterwards."""
    site, event_id = site_of(request), request.path_params["event_id"]
    path = CURVE.format(event_id=event_id)
    staff = site.require(request, "staff", path)
    span = request.query_params.get("span", ALL)
    course = await in_thread(site.services.curves.sale_curve, staff, event_id, span)
    language = site.renderer.language(request)
    return site.page(
        request,
        "staff/curve.html",
        who=staff,
        path=path,
        event=course.event,
        course=course,
        spans=SPANS,
        picture=_course_picture(course, language),
        moments=[_marked(moment, course) for moment in course.moments],
    )


async def _watched(request: Request, path: str, template: str) -> Response:
    site, event_id = site_of(request), request.path_params["event_id"]
    here = path.format(event_id=event_id)
    staff = site.require(request, "staff", here)
    event = await in_thread(site.services.catalogue.event, staff, event_id)
    stats: EventStats = await in_thread(site.services.stats.watched, event_id, None)
    watching = await site.front.live.watching(event_id)
    return site.page(
        request,
        template,
        who=staff,
        path=here,
        event=event,
        **_context(watched_view(stats, watching), site.renderer.language(request)),
    )


async def _stream(request: Request, path: str, template: str) -> Response:
    site, event_id = site_of(request), request.path_params["event_id"]
    staff = site.require(request, "staff", path.format(event_id=event_id))
    event = await in_thread(site.services.catalogue.event, staff, event_id)
    language = site.renderer.language(request)

    def write(stats: schemas.WatchedStats) -> str:
        return site.renderer.text(language, template, **_context(stats, language))

    response = site.front.live.watch(staff, event.id, Writing(f"{template} {language.code}", write))
    if site.is_due(staff):
        site.sign_in(response, staff)
    return response


def _context(stats: schemas.WatchedStats, language: Language) -> dict[str, Any]:
    series = {point.at: point.tickets for point in stats.series}
    last = stats.as_of.replace(microsecond=0)
    seconds = [last - n * SECOND for n in range(LIVE_MS // 1000, 0, -1)]
    values = [series.get(at, 0) for at in seconds]
    formats = Formats(language.locale)
    return {
        "stats": stats,
        "picture": curve(values, lambda place: formats.second(seconds[place])),
        "per_second": formats.rate(sum(values[-NOW_SECONDS:]) / NOW_SECONDS),
        "refusals": sorted(stats.refusals.items(), key=lambda pair: -pair[1]),
        "as_of": formats.second(stats.as_of),
    }


def _course_picture(course: SaleCurve, language: Language) -> Curve:
    formats = Formats(language.locale)
    since = course.since or 0
    name = formats.second if course.step_ms < _FINE_MS else formats.short
    return curve(course.tickets, lambda place: name(since + place * course.step_ms))


class Mark(NamedTuple):
    """An act of staff on the curve at `x`, or beside it when that is None."""

    x: float | None
    moment: Moment
    quota: str
    """The name of the quota it was about, or nothing."""


def _marked(moment: Moment, course: SaleCurve) -> Mark:
    names = {f"quota:{quota.id}": quota.name for quota in course.event.quotas}
    length = course.step_ms * len(course.tickets)
    along = (moment.at - course.since) / length if course.since is not None and length else -1.0
    x = round(WIDTH * along, 1) if 0 <= along <= 1 else None
    return Mark(x, moment, names.get(moment.subject, ""))
