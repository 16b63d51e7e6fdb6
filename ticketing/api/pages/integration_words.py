"""The words for what other programs may do and are told."""

from collections.abc import Mapping

from ticketing.api.pages.names import N_

SCOPES: Mapping[str, str] = {
    "events:read": N_("Read events, venues and organisations"),
    "orders:read": N_("Read the orders of an event"),
    "stats:read": N_("Read the numbers of a sale, also while they change"),
    "reports:read": N_("Read reports and takings of desks"),
    "trail:read": N_("Read who did what"),
    "cards:write": N_("Block and replace cards"),
    "cards:import": N_("Import lists of cards and follow them"),
    "webhooks:replay": N_("Read what webhooks were told, and have it told again"),
}
"""What an API token may do."""

EVENTS_TOLD: Mapping[str, str] = {
    "order.confirmed": N_("An order was confirmed"),
    "order.cancelled": N_("Tickets of an order were cancelled"),
    "order.collected": N_("Tickets were handed out"),
    "event.sold_out": N_("An event sold out"),
}
"""What a webhook is told."""

DELIVERY_STATES: Mapping[str, str] = {
    "waiting": N_("Waiting"),
    "delivered": N_("Delivered"),
    "given_up": N_("Given up"),
}
