"""How many of those who hold a card used it: by organisation, by kind of event, by month.

A card is used by whoever has an order that was not cancelled; each member counts once in each figure, and who was
erased in none. An organisation's figures are those of its members and of all below it, at events of whoever organised
them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, case, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from ticketing.catalogue.tables import Event
from ticketing.members.tables import REPLACED, Card, Member, Organisation
from ticketing.orders.tables import CONFIRMED, Order
from ticketing.reports.scope import Scope

PUBLISHED_RATE = 0.56
"""The card use rate of a published year, which figures stand beside."""

_BY = "counted_by"  # no column is called so: GROUP BY would take it first
OF_ALL, OF_ORGANISATION, OF_KIND, OF_MONTH = "all", "organisation", "kind", "month"


class Month(NamedTuple):
    """A month, or what the time asked for has of it, which ends at `until` (ms)."""

    name: str
    until: int


class Use(Struct, frozen=True, kw_only=True):
    """Cards held and used. `of` says of what: `all`, an `organisation`, a `kind` of event or a `month`.

    `depth` counts from the organisation asked for. `rate` is null where nobody holds a card.
    """

    of: str
    id: str
    label: str
    depth: int = 0
    held: int
    used: int
    rate: float | None


class Participation(Struct, frozen=True, kw_only=True):
    """The use of cards in a time."""

    published_rate: float
    lines: list[Use]


def participation(
    session: Session, scope: Scope, since: int, until: int, months: Sequence[Month], kind: str | None = None
) -> Participation:
    """Of the members of some organisations; with `kind` at events of that kind alone. `months`: those of the time."""
    in_time = [Order.status == CONFIRMED, Order.confirmed_at >= since, Order.confirmed_at < until]
    in_time += [*_members(scope), *([Event.kind == kind] if kind else [])]
    held = _held(session, scope)
    total = sum(held.values())

    def used_by(column: ColumnElement[Any] | InstrumentedAttribute[str]) -> dict[Any, int]:
        label = column.label(_BY)
        query = select(label, func.count(Order.member_id.distinct())).select_from(Order)
        query = query.join(Member, Member.id == Order.member_id).join(Event, Event.id == Order.event_id)
        rows = session.execute(query.where(*in_time).group_by(literal_column(_BY)))
        return {row[0]: row[1] for row in rows}

    of_organisations = used_by(Member.organisation_id)
    of_kinds, of_months = used_by(func.coalesce(Event.kind, "")), used_by(_month_of(months))
    lines = [_use(OF_ALL, "", "", total, sum(of_organisations.values()))]
    lines += _rolled_up(session, scope, held, of_organisations)
    lines += [_use(OF_KIND, one, one, total, n) for one, n in sorted(of_kinds.items())]
    lines += [_use(OF_MONTH, one.name, one.name, total, of_months.get(one.name, 0)) for one in months]
    return Participation(published_rate=PUBLISHED_RATE, lines=lines)


def _held(session: Session, scope: Scope) -> dict[str, int]:
    """Members with a card by organisation; a card that was replaced is another one's."""
    query = select(Member.organisation_id, func.count(Member.id.distinct())).join(
        Card, Card.member_id == Member.id
    )
    query = query.where(*_members(scope), Card.status != REPLACED)
    return {row[0]: row[1] for row in session.execute(query.group_by(Member.organisation_id))}


def _members(scope: Scope) -> tuple[ColumnElement[bool], ...]:
    return Member.organisation_id.in_(scope.organisation_ids), Member.name != ""  # who was erased has none


def _month_of(months: Sequence[Month]) -> ColumnElement[str]:
    return case(*((Order.confirmed_at < month.until, month.name) for month in months), else_="")


def _rolled_up(session: Session, scope: Scope, held: dict[str, int], used: dict[str, int]) -> Iterator[Use]:
    """Each organisation with all below it: members belong to one, so their sums are exact."""
    query = select(Organisation.id, Organisation.name, Organisation.path)
    tree = session.execute(
        query.where(Organisation.id.in_(scope.organisation_ids)).order_by(Organisation.path)
    ).all()
    sums: dict[str, Counter[str]] = {row.id: Counter() for row in tree}
    for row in tree:
        for node in row.path.split("."):
            if node in sums:
                sums[node].update(held=held.get(row.id, 0), used=used.get(row.id, 0))
    top = scope.path.count(".")
    for row in tree:
        depth = row.path.count(".") - top
        yield _use(OF_ORGANISATION, row.id, row.name, sums[row.id]["held"], sums[row.id]["used"], depth)


def _use(of: str, id_: str, label: str, held: int, used: int, depth: int = 0) -> Use:
    rate = round(used / held, 4) if held else None
    return Use(of=of, id=id_, label=label, depth=depth, held=held, used=used, rate=rate)
