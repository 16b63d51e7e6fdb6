"""Every key of the inventory, made here and nowhere else.

All keys of an allowance group carry its hash tag, so a cluster keeps a group on one node and one
script may touch all of them. `lua/README.md` gives each key's shape, lifetime and owner.
"""

from typing import NamedTuple

DIRECTORY = "ticketing:directory"
"""Hash: event id -> group id, for every event that was ever opened."""

TRAIL_END = "ticketing:trail-end"
"""String: the newest row of the audit trail that a worker has seen, signed."""


class GroupKeys(NamedTuple):
    """The keys of a group in the order in which every script takes them."""

    meta: str
    sale: str
    stock: str
    holds: str
    ledgers: str
    due: str
    log: str
    acts: str


def group_keys(group_id: str) -> GroupKeys:
    """The keys of a group."""
    prefix = f"ticketing:{{{group_id}}}:"
    return GroupKeys(*(prefix + name for name in GroupKeys._fields))


def new_keys(group_id: str, token: str) -> list[str]:
    """Where the rebuild `token` makes sale, stock, holds and ledgers anew, beside those in use."""
    prefix = f"ticketing:{{{group_id}}}:new:{token}:"
    return [prefix + part for part in ("sale", "stock", "holds", "ledgers")]


def refusals_key(group_id: str) -> str:
    """Hash: `event:code` -> how often, flushed once a second by the API processes."""
    return f"ticketing:{{{group_id}}}:refusals"


def watching_key(event_id: str) -> str:
    """Sorted set: who watches an event's numbers, scored by when this was last said (ms)."""
    return f"ticketing:watching:{event_id}"
