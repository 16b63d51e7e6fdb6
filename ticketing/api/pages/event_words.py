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
