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

SCOPES: Mapping[str, str] = {
    "events:read": N_("Read events and organisations"),
    "orders:read": N_("Read the orders of an event"),
    "stats:read": N_("Read the numbers of a sale"),
    "reports:read": N_("Read reports"),
    "cards:write": N_("Block and replace cards"),
}
"""What an API token may do."""
