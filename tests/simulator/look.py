"""The whole of a group as Redis has it, key by key, beside what the reference says must be there."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tests.support.reference import Reference
from tests.support.reference_books import Pace
from ticketing.inventory import protocol
from ticketing.inventory.keys import GroupKeys
from ticketing.inventory.model import HoldStatus


class Key(NamedTuple):
    """One key: what asks for it, what it must hold, and how the server's answer is to be understood."""

    command: tuple[Any, ...]
    expected: Any
    understand: Callable[[Any], Any]


def look(group: Reference, keys: GroupKeys) -> Iterator[Key]:
    """Every key of the group."""
    yield Key(("HGETALL", keys.meta), _meta(group), _texts)
    yield Key(("HGETALL", keys.sale), {e: sale_of(r) for e, r in group.rules.items()}, _rows)
    yield Key(("HGETALL", keys.stock), dict(_stock(group)), _rows)
    yield Key(("HGETALL", keys.holds), {h.id: row_of(h) for h in group.holds.values()}, _rows)
    yield Key(("HGETALL", keys.ledgers), dict(_ledgers(group)), _ledger_rows)
    yield Key(("ZRANGE", keys.due, 0, -1, "WITHSCORES"), group.due(), _scores)
    yield Key(("XRANGE", keys.log, "-", "+"), [_entry(e) for e in group.log], _entries)
    for key, is_there in ((keys.sale, group.rules), (keys.stock, group.sizes), (keys.holds, group.holds)):
        yield Key(("TTL", key), -1 if is_there else -2, int)  # what a rebuild made would vanish after an hour
    yield Key(("HGETALL", keys.acts), dict(_acts(group)), _rows)


def row_of(hold: Any) -> list[Any]:
    """A hold's row as it comes back from msgpack."""
    return list(protocol.hold_row(hold))


def protocol_row(counts: Any) -> tuple[int, int, int, int]:
    """A quota's stock as a script keeps it."""
    return counts.capacity, counts.withheld, counts.held, counts.sold


def sale_of(rules: Any) -> dict[str, Any]:
    """An event's rules as they come back from msgpack."""
    sale = dict(protocol.configure_request(rules)[1])
    return sale | {"quotas": [list(quota) for quota in sale["quotas"]]}


def _meta(group: Reference) -> dict[str, str]:
    fence = {} if group.fence is None else {"fence": group.fence}
    if group.epoch is None:
        return fence
    numbers = {"position": group.position, "highest": group.highest, "limit": group.limit}
    return fence | {"epoch": group.epoch} | {name: str(number) for name, number in numbers.items()}


def _stock(group: Reference) -> Iterator[tuple[str, list[int]]]:
    for event, quota in group.sizes:
        yield f"{event}/{quota}", [*protocol_row(group.counts(event, quota))]


def _ledgers(group: Reference) -> Iterator[tuple[str, list[Any]]]:
    for member in {hold.member for hold in group.holds.values()}:
        mine = group.of_member(member)
        live = sum(hold.status is HoldStatus.HELD for hold in mine)
        abandoned, until = group.paces.get(member, Pace())
        uses = sorted([use.event_id, use.quota, use.held, use.bought] for use in group.uses(member))
        if live or abandoned or until or uses or mine:
            yield str(member), [live, abandoned, until, uses, [hold.id for hold in mine]]


def _acts(group: Reference) -> Iterator[tuple[str, list[int]]]:
    for act, counts in group.acts.items():
        yield act, [*protocol_row(counts)]
    for hold_id, drawn in group.draws.items():
        yield hold_id, [number for pair in drawn.items() for number in pair]


def _entry(entry: Any) -> tuple[Any, ...]:
    return entry.position, entry.kind, entry.hold, entry.facts


# The server's answers


def _pairs(flat: list[bytes]) -> Iterator[tuple[str, bytes]]:
    return ((flat[i].decode(), flat[i + 1]) for i in range(0, len(flat), 2))


def _texts(flat: list[bytes]) -> dict[str, str]:
    return {field: value.decode() for field, value in _pairs(flat)}


def _rows(flat: list[bytes]) -> dict[str, Any]:
    return {field: protocol.unpack(packed) for field, packed in _pairs(flat)}


def _ledger_rows(flat: list[bytes]) -> dict[str, Any]:
    """Ledgers with their uses in order; an empty one is as good as none."""
    rows = {member: [*row[:3], sorted(row[3]), row[4]] for member, row in _rows(flat).items()}
    return {member: row for member, row in rows.items() if any(row)}


def _scores(flat: list[bytes]) -> dict[str, int]:
    return {hold_id: int(float(score)) for hold_id, score in _pairs(flat)}


def _entries(raw: list[tuple[bytes, list[bytes]]]) -> list[tuple[Any, ...]]:
    rows = ((int(entry_id.split(b"-")[0]), fields[1]) for entry_id, fields in raw)
    return [_entry(protocol.entry_from(position, packed)) for position, packed in rows]
