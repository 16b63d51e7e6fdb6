"""What staff do with events: draft, change, put on sale, watch, and take the result away as a file.

Who may do what with which event is decided by the services, for the object and not the route alone.
"""

from collections.abc import Callable
from typing import Any

import anyio.from_thread
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ticketing.api import drafts, schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.downloads import add_downloads
from ticketing.api.live import IN_JSON
from ticketing.api.stats_views import curve_view, stats_view
from ticketing.catalogue.tables import DRAFT, Event
from ticketing.database import reading
from ticketing.errors import Code, StoreUnavailable
from ticketing.inventory.model import EventState
from ticketing.members import repository as members
from ticketing.services.curve import ALL
from ticketing.services.event_access import READERS, WRITERS
from ticketing.services.exports import orders_table
from ticketing.services.sheets import Table

EVENT_PATH = "/api/v1/staff/events/{event_id}"
_MOVE_CODES = (Code.NOT_FOUND, Code.SALE_NOT_OPEN, Code.SALE_PAUSED, Code.SALE_CLOSED, Code.RECOVERING)

calls = Calls()


@calls(
    Operation(
        method="GET",
        path="/api/v1/staff/events",
        summary="The events of one's organisation and below, drafts included",
        tag="staff",
        caller="staff",
        gives=schemas.StaffEvents,
    )
)
def list_events(call: Call[None]) -> schemas.StaffEvents:
    """Latest sale first; counts at most about a second old."""
    events = call.front.services.catalogue.list_events(call.caller)
    names = _organisation_names(call, {event.organisation_id for event in events})
    board = call.front.board
    return schemas.StaffEvents(
        [_staff_view(call, event, names[event.organisation_id], board.state_of(event.id)) for event in events]
    )


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/events",
        summary="Create a draft with its quotas",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.NewEvent,
        gives=schemas.StaffEvent,
        status=201,
    )
)
def create_event(call: Call[schemas.NewEvent]) -> schemas.StaffEvent:
    """Members do not see it until it is published."""
    catalogue = call.front.services.catalogue
    event_id = catalogue.create_event(call.caller, drafts.event_draft(call.body))
    return _view(call, catalogue.event(call.caller, event_id))


@calls(
    Operation(
        method="GET",
        path=EVENT_PATH,
        summary="An event as staff see it",
        tag="staff",
        caller="staff",
        gives=schemas.StaffEvent,
        codes=(Code.NOT_FOUND,),
    )
)
def read_event(call: Call[None]) -> schemas.StaffEvent:
    """With the counts of this moment."""
    return _view(call, call.front.services.catalogue.event(call.caller, call.path("event_id")))


@calls(
    Operation(
        method="PATCH",
        path=EVENT_PATH,
        summary="Change what may still change",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.EventChanges,
        gives=schemas.StaffEvent,
        codes=(Code.NOT_FOUND, Code.SALE_CLOSED, Code.RECOVERING),
    )
)
def change_event(call: Call[schemas.EventChanges]) -> schemas.StaffEvent:
    """What is not sent stays as it is."""
    catalogue, changes = call.front.services.catalogue, drafts.event_changes(call.body)
    return _changed(
        call, catalogue.patch_event(call.caller, call.path("event_id"), changes, call.body.reason)
    )


def _move(verb: str, summary: str) -> None:
    def move(call: Call[schemas.WithReason]) -> schemas.StaffEvent:
        act: Callable[..., Event] = getattr(call.front.services.catalogue, verb)
        return _changed(call, act(call.caller, call.path("event_id"), call.body.reason))

    move.__name__ = f"{verb}_event"
    calls(
        Operation(
            method="POST",
            path=f"{EVENT_PATH}/{verb}",
            summary=summary,
            tag="staff",
            caller="staff",
            roles=WRITERS,
            takes=schemas.WithReason,
            body_optional=True,
            gives=schemas.StaffEvent,
            codes=_MOVE_CODES,
        )
    )(move)


_move("publish", "Put a draft on sale")


@calls(
    Operation(
        method="POST",
        path=f"{EVENT_PATH}/pause",
        summary="Take no new holds for now; what is held may still be confirmed",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.PauseWish,
        body_optional=True,
        gives=schemas.StaffEvent,
        codes=_MOVE_CODES,
    )
)
def pause_event(call: Call[schemas.PauseWish]) -> schemas.StaffEvent:
    """Members read the message as the event's notice until the sale goes on."""
    pause, wish = call.front.services.catalogue.pause, call.body
    return _changed(call, pause(call.caller, call.path("event_id"), wish.reason, wish.message))


@calls(
    Operation(
        method="POST",
        path=f"{EVENT_PATH}/postpone",
        summary="Put an event off with all its showings; whoever has tickets is told",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.PostponeWish,
        gives=schemas.StaffEvent,
        codes=(Code.NOT_FOUND, Code.SALE_CLOSED, Code.RECOVERING),
    )
)
def postpone_event(call: Call[schemas.PostponeWish]) -> schemas.StaffEvent:
    """Until when one may cancel or collect moves along; the booking does when that is meant."""
    postpone, wish = call.front.services.catalogue.postpone, call.body
    starts_at = views.millis(wish.starts_at)
    return _changed(
        call, postpone(call.caller, call.path("event_id"), starts_at, wish.reason, wish.move_sale)
    )


_move("resume", "Go on after a pause")
_move("close", "End the sale for good; what is held may still be confirmed")
_move(
    "cancel", "Call the event off: its orders become void, what was paid is to be paid back, members are told"
)


@calls(
    Operation(
        method="POST",
        path=f"{EVENT_PATH}/quotas",
        summary="Add a quota, also in mid-sale",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.AddedQuota,
        gives=schemas.StaffEvent,
        status=201,
        codes=(Code.NOT_FOUND, Code.SALE_CLOSED, Code.RECOVERING),
    )
)
def add_quota(call: Call[schemas.AddedQuota]) -> schemas.StaffEvent:
    """Answers the event with all its quotas; the new one is the last."""
    services, event_id = call.front.services, call.path("event_id")
    services.quotas.add(call.caller, event_id, drafts.quota_draft(call.body), call.body.reason)
    return _changed(call, services.catalogue.event(call.caller, event_id))


@calls(
    Operation(
        method="PATCH",
        path=f"{EVENT_PATH}/quotas/{{quota_id}}",
        summary="Change a quota, also its capacity in mid-sale",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.QuotaChanges,
        gives=schemas.StaffEvent,
        codes=(Code.NOT_FOUND, Code.CAPACITY_IN_USE, Code.SALE_CLOSED, Code.RECOVERING),
    )
)
def change_quota(call: Call[schemas.QuotaChanges]) -> schemas.StaffEvent:
    """Below sold and held it is refused unless forced; forced, nothing is sold until it fits again."""
    wish = call.body
    event = call.front.services.quotas.change(
        call.caller,
        call.path("event_id"),
        call.path("quota_id"),
        drafts.quota_changes(wish),
        wish.reason,
        wish.force,
    )
    return _changed(call, event)


@calls(
    Operation(
        method="GET",
        path=f"{EVENT_PATH}/stats",
        summary="The numbers of an event, live",
        tag="staff",
        caller="staff",
        gives=schemas.Stats,
        codes=(Code.NOT_FOUND,),
    )
)
def read_stats(call: Call[None]) -> schemas.Stats:
    """Counts and refusals from Redis, what was collected and the course of the sale from SQL."""
    return stats_view(call.front.services.stats.event_stats(call.caller, call.path("event_id")))


@calls(
    Operation(
        method="GET",
        path=f"{EVENT_PATH}/stream",
        summary="The numbers of an event as server-sent events, at most one a second",
        tag="staff",
        caller="staff",
        gives=schemas.WatchedStats,
        media_type="text/event-stream",
        codes=(Code.NOT_FOUND, Code.RATE_LIMITED),
    )
)
async def stream_stats(call: Call[None]) -> Response:
    """Each message is whole. `away` says that nothing can be read now, `end` why the stream ends for good."""
    front, staff = call.front, call.caller
    event = await run_in_threadpool(front.services.catalogue.event, staff, call.path("event_id"))
    return front.live.watch(staff, event.id, IN_JSON)


@calls(
    Operation(
        method="GET",
        path=f"{EVENT_PATH}/curve",
        summary="The course of a sale, also long afterwards: tickets in each step, and what staff did meanwhile",
        tag="staff",
        caller="staff",
        gives=schemas.SaleCurve,
        query=("span",),
        codes=(Code.NOT_FOUND,),
    )
)
def read_curve(call: Call[None]) -> schemas.SaleCurve:
    """`span` is `all`, or how much from the first ticket on: `minutes` (five), `hour`, `day`."""
    curves, span = call.front.services.curves, call.query("span") or ALL
    return curve_view(curves.sale_curve(call.caller, call.path("event_id"), span))


def _orders(call: Call[None]) -> tuple[str, Table]:
    services = call.front.services
    event = services.catalogue.event(call.caller, call.path("event_id"))
    return f"orders-{event.id}", orders_table(services.sessions, event.id)


add_downloads(
    calls,
    Operation(
        method="GET",
        path=f"{EVENT_PATH}/orders",
        summary="Every ticket of an event",
        tag="staff",
        caller="staff",
        roles=READERS,
        codes=(Code.NOT_FOUND,),
    ),
    _orders,
)


# What the routes stand on


def event_of_call(call: Call[Any], event_id: str) -> schemas.StaffEvent:
    """An event as staff see it, read now."""
    return _view(call, call.front.services.catalogue.event(call.caller, event_id))


def changed_event(call: Call[Any], event_id: str) -> schemas.StaffEvent:
    """The same after an act on it."""
    return _changed(call, call.front.services.catalogue.event(call.caller, event_id))


def _changed(call: Call[Any], event: Event) -> schemas.StaffEvent:
    """The event after an act; this process's board learns of it at once, the others within a second."""
    if event.state != DRAFT:
        anyio.from_thread.run(call.front.board.learn, event.group_id)
    return _view(call, event)


def _view(call: Call[Any], event: Event) -> schemas.StaffEvent:
    name = _organisation_names(call, {event.organisation_id})[event.organisation_id]
    return _staff_view(call, event, name, _state_now(call, event))


def _staff_view(
    call: Call[Any], event: Event, organisation_name: str, state: EventState | None
) -> schemas.StaffEvent:
    status = views.sale_status(event, state, call.front.services.clock.now_ms())
    return views.staff_event(event, organisation_name, state, status)


def _state_now(call: Call[Any], event: Event) -> EventState | None:
    if event.state == DRAFT:
        return None
    try:
        group = call.front.services.keeper.state(event.group_id)
    except StoreUnavailable:
        return call.front.board.state_of(event.id)
    return group.events.get(event.id) if group and group.as_expected else None


def _organisation_names(call: Call[Any], ids: set[str]) -> dict[str, str]:
    with reading(call.front.services.sessions) as session:
        return members.organisation_names(session, ids)
