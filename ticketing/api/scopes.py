"""Which calls an API token may make: for each scope those listed here, and no others.

What is not in the table is closed to tokens: sign-in, accounts and tokens themselves, whatever sells, hands out or
takes money, everything that changes an event, a venue or a budget, looking members up, which a token that is lost
would do for whoever finds it, and setting up an address for webhooks, which would outlive the token.
"""

from collections.abc import Mapping

_STAFF = "/api/v1/staff"
_EVENT = f"{_STAFF}/events/{{event_id}}"
_IMPORT = f"{_STAFF}/imports/{{import_id}}"
_WEBHOOK = f"{_STAFF}/webhooks/{{webhook_id}}"

Call = tuple[str, str]


def _read(*paths: str) -> tuple[Call, ...]:
    return tuple(("GET", path) for path in paths)


def _as_table(path: str) -> tuple[str, ...]:
    """A report for programs, and the same to take away."""
    return path, f"{path}.csv", f"{path}.xlsx"


OPENED: Mapping[str, tuple[Call, ...]] = {
    "events:read": _read(
        f"{_STAFF}/events",
        _EVENT,
        f"{_EVENT}/check",
        f"{_EVENT}/waves",
        f"{_STAFF}/templates",
        f"{_STAFF}/organisations",
        f"{_STAFF}/organisations/{{organisation_id}}",
        f"{_STAFF}/venues",
        f"{_STAFF}/venues/{{venue_id}}",
    ),
    "orders:read": _read(f"{_EVENT}/orders.csv", f"{_EVENT}/orders.xlsx"),
    "stats:read": _read(f"{_EVENT}/stats", f"{_EVENT}/stream", f"{_EVENT}/curve"),
    "reports:read": _read(
        *_as_table(f"{_STAFF}/till"),
        *_as_table(f"{_STAFF}/reports/settlement"),
        *_as_table(f"{_STAFF}/reports/participation"),
        *_as_table(f"{_STAFF}/reports/attendance"),
        *_as_table(f"{_STAFF}/reports/demand"),
        *_as_table(f"{_STAFF}/budgets"),
        f"{_STAFF}/budgets/{{budget_id}}",
    ),
    "trail:read": _read(*_as_table(f"{_STAFF}/trail")),
    "cards:write": (
        ("POST", f"{_STAFF}/cards/block"),
        ("POST", f"{_STAFF}/cards/replace"),
    ),
    "cards:import": (
        ("POST", f"{_STAFF}/cards/import"),
        *_read(f"{_STAFF}/imports", _IMPORT, f"{_IMPORT}/refused.csv", f"{_IMPORT}/refused.xlsx"),
        ("POST", f"{_IMPORT}/start"),
        ("POST", f"{_IMPORT}/drop"),
    ),
    "webhooks:replay": (
        *_read(f"{_STAFF}/webhooks", f"{_WEBHOOK}/deliveries"),
        ("POST", f"{_WEBHOOK}/deliveries/{{delivery_id}}/replay"),
        ("POST", f"{_WEBHOOK}/replay"),
    ),
}

_SCOPES = {call: scope for scope, calls in OPENED.items() for call in calls}


def scope_of(method: str, path: str) -> str | None:
    """The scope that opens a call to tokens; None for one that is closed to them."""
    return _SCOPES.get((method, path))
