"""An order as a file that a phone puts into its calendar."""

from datetime import timedelta

from icalendar import Alarm, Calendar, Event

from ticketing.api import schemas, views
from ticketing.api.pages.rendering import quota_of

USUAL_HOURS = 2
"""How long an entry lasts: an event says when it starts, not when it ends."""


def calendar_file(order: schemas.Order, event: schemas.Event, site_url: str, now_ms: int) -> bytes:
    """One entry, for when the first of the tickets begins. The same order always makes the same entry."""
    showings = [quota.starts_at for item in order.items if (quota := quota_of(event, item.quota_id))]
    starts_at = min((at for at in showings if at is not None), default=event.starts_at)
    entry = Event()
    entry.add("uid", f"{order.id}@tickets")
    entry.add("dtstamp", views.instant(now_ms))
    entry.add("dtstart", starts_at)
    entry.add("dtend", starts_at + timedelta(hours=USUAL_HOURS))
    entry.add("summary", event.title)
    entry.add("location", event.venue)
    entry.add("description", "\n".join(filter(None, (order.number, event.pickup))))
    entry.add("url", f"{site_url}/orders/{order.id}")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", event.title)
    alarm.add("trigger", timedelta(days=-1))
    entry.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", "-//ticketing//members//")
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())
