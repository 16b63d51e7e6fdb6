"""Which calls an API token may make: for each scope those listed here, and no others.

What is not in the table is closed to tokens: sign-in, accounts and tokens themselves, whatever sells, hands out or
takes money, and everything that changes an event.
"""

from collections.abc import Mapping

_STAFF = "/api/v1/staff"
_EVENT = f"{_STAFF}/events/{{event_id}}"

OPENED: Mapping[str, tuple[tuple[str, str], ...]] = {
    "events:read": (
        ("GET", f"{_STAFF}/events"),
        ("GET", _EVENT),
        ("GET", f"{_STAFF}/organisations"),
    ),
    "orders:read": (("GET", f"{_EVENT}/orders.csv"), ("GET", f"{_EVENT}/orders.xlsx")),
    "stats:read": (("GET", f"{_EVENT}/stats"),),
    "reports:read": (
        ("GET", f"{_STAFF}/till"),
        ("GET", f"{_STAFF}/till.csv"),
        ("GET", f"{_STAFF}/till.xlsx"),
    ),
    "cards:write": (
        ("POST", f"{_STAFF}/cards/block"),
        ("POST", f"{_STAFF}/cards/replace"),
    ),
}

_SCOPES = {call: scope for scope, calls in OPENED.items() for call in calls}


def scope_of(method: str, path: str) -> str | None:
    """The scope that opens a call to tokens; None for one that is closed to them."""
    return _SCOPES.get((method, path))
