"""Orders and events as what a phone or an office puts into its calendar."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event

from ticketing.api import schemas, views
from ticketing.api.pages.rendering import quota_of

USUAL_HOURS = 2
"""How long an entry lasts: an event says when it starts, not when it ends."""

_STATUSES = {"draft": "TENTATIVE", "cancelled": "CANCELLED"}


def calendar_file(order: schemas.Order, event: schemas.Event, site_url: str, now_ms: int) -> bytes:
    """One entry, for when the first of the tickets begins. The same order always makes the same entry."""
    showings = [quota.starts_at for item in order.items if (quota := quota_of(event, item.quota_id))]
    starts_at = min((at for at in showings if at is not None), default=event.starts_at)
    entry = _entry(f"{order.id}@tickets", event, starts_at, now_ms)
    entry.add("description", "\n".join(filter(None, (order.number, event.pickup))))
    entry.add("url", f"{site_url}/orders/{order.id}")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", event.title)
    alarm.add("trigger", timedelta(days=-1))
    entry.add_component(alarm)
    return _file([entry], "members")


def feed(events: Iterable[schemas.Event], site_url: str, path: str, now_ms: int) -> bytes:
    """An entry for each time at which an event begins: one with several showings has several.

    The entry of an event with one time keeps its name, so that a calendar which reads the feed again moves it. With
    several showings an entry is named by its time: a showing that is moved is another entry. One of an event that was
    called off says so.
    """
    return _file(
        [
            _of_event(event, starts_at, site_url + path.format(event_id=event.id), now_ms)
            for event in events
            for starts_at in _times(event)
        ],
        "events",
    )


def _times(event: schemas.Event) -> list[datetime]:
    """When an event begins, with each of its showings; a draft may have none yet."""
    return sorted({quota.starts_at or event.starts_at for quota in event.quotas} or {event.starts_at})


def _of_event(event: schemas.Event, starts_at: datetime, url: str, now_ms: int) -> Event:
    entry = _entry(f"{event.id}-{starts_at:%Y%m%dT%H%M%SZ}@tickets", event, starts_at, now_ms)
    if len({quota.starts_at for quota in event.quotas}) <= 1:  # it is the same entry when it is moved
        entry["uid"] = f"{event.id}@tickets"
    entry.add("status", _STATUSES.get(event.status, "CONFIRMED"))
    if event.description:
        entry.add("description", event.description)
    entry.add("url", url)
    return entry


def _entry(uid: str, event: schemas.Event, starts_at: datetime, now_ms: int) -> Event:
    entry = Event()
    entry.add("uid", uid)
    entry.add("dtstamp", views.instant(now_ms))
    entry.add("dtstart", starts_at)
    entry.add("dtend", starts_at + timedelta(hours=USUAL_HOURS))
    entry.add("summary", event.title)
    entry.add("location", event.venue)
    return entry


def _file(entries: Iterable[Event], name: str) -> bytes:
    calendar = Calendar()
    calendar.add("prodid", f"-//ticketing//{name}//")
    calendar.add("version", "2.0")
    for entry in entries:
        calendar.add_component(entry)
    return bytes(calendar.to_ical())
