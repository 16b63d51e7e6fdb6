"""The words for what an event is and looks like."""

from collections.abc import Mapping

from ticketing.api.pages.names import N_

KINDS: Mapping[str, str] = {
    "cinema": N_("Cinema"),
    "carnival": N_("Carnival"),
    "exhibition": N_("Exhibition"),
    "theatre": N_("Theatre"),
    "class": N_("Class"),
    "other": N_("Other"),
}
"""Of events."""

COLOURS: Mapping[str, str] = {
    "red": N_("Red"),
    "orange": N_("Orange"),
    "green": N_("Green"),
    "teal": N_("Teal"),
    "blue": N_("Blue"),
    "purple": N_("Purple"),
    "grey": N_("Grey"),
}

WAVES: Mapping[str, str] = {
    "waiting": N_("To come"),
    "releasing": N_("On its way"),
    "released": N_("On sale"),
    "cancelled": N_("Called off"),
}

FIELDS: Mapping[str, str] = {
    "title": N_("Title"),
    "venue": N_("Venue"),
    "venue_id": N_("Venue of the programme (settled with it)"),
    "description": N_("Description"),
    "pickup": N_("Where and when tickets are collected"),
    "notice": N_("Notice above the booking form"),
    "opens_at": N_("Booking opens"),
    "closes_at": N_("Booking closes"),
    "starts_at": N_("Takes place"),
    "cancellable_until": N_("Cancel until (empty: never)"),
    "collect_until": N_("Collect until (empty: no end)"),
    "per_card_limit": N_("Tickets per card (empty: no limit)"),
    "eligible_organisations": N_("Who may book"),
    "payment_methods": N_("Payment"),
    "quotas": N_("Quotas"),
    "budget": N_("Budget"),
}
"""The fields of an event as its form calls them."""

TEMPLATES: Mapping[str, str] = {
    "cinema": N_("Cinema with showings"),
    "carnival": N_("Carnival"),
    "exhibition": N_("Exhibition"),
    "theatre": N_("Theatre"),
    "classes": N_("Thirty classes"),
}
"""Every template of `catalogue/templates.toml`."""
