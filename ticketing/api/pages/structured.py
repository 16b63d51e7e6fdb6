"""An event as machines read it: schema.org's words for search engines and calendars."""

from typing import Any

from ticketing.api import schemas
from ticketing.catalogue.looks import Looks

_CONTEXT = "https://schema.org"
_AVAILABLE = {"open": "InStock", "sold_out": "SoldOut", "scheduled": "PreOrder"}


def event_data(event: schemas.Event, look: Looks, url: str, site_url: str) -> dict[str, Any]:
    """A schema.org `Event`. Without counts: they would be old before anybody reads them."""
    cancelled = event.status == "cancelled"
    data: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "Event",
        "name": event.title,
        "url": url,
        "startDate": event.starts_at.isoformat(),
        "eventStatus": f"{_CONTEXT}/{'EventCancelled' if cancelled else 'EventScheduled'}",
        "eventAttendanceMode": f"{_CONTEXT}/OfflineEventAttendanceMode",
        "organizer": {"@type": "Organization", "name": event.organisation_name},
        "offers": [_offer(event, quota, url) for quota in event.quotas],
    }
    if event.venue:
        data["location"] = {"@type": "Place", "name": event.venue, "address": event.venue}
    if event.description:
        data["description"] = event.description
    if look.picture:
        data["image"] = [f"{site_url}/pictures/{look.picture}/large"]
    return data


def _offer(event: schemas.Event, quota: schemas.Quota, url: str) -> dict[str, Any]:
    return {
        "@type": "Offer",
        "name": quota.name,
        "url": url,
        "price": f"{quota.price / 100:.2f}",
        "priceCurrency": quota.currency,
        "validFrom": event.opens_at.isoformat(),
        "availability": f"{_CONTEXT}/{_AVAILABLE.get(event.status, 'OutOfStock')}",
    }
