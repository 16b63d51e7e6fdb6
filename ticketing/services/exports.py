"""The result of an event as a table for the finance office: one line a ticket."""

from collections.abc import Iterator

from sqlalchemy import Select, select

from ticketing.catalogue.tables import Quota
from ticketing.database import Sessions, reading
from ticketing.members.tables import REPLACED, Card, Member, Organisation
from ticketing.orders.tables import Order, Ticket
from ticketing.services.sheets import MONEY, ROWS_PER_PIECE, TIME, Column, Row, Table

COLUMNS = (
    Column("order_number"),
    Column("ticket_code"),
    Column("quota"),
    Column("status"),
    Column("price", MONEY),
    Column("currency"),
    Column("payment_method"),
    Column("payment_status"),
    Column("member"),
    Column("card"),
    Column("organisation"),
    Column("channel"),
    Column("confirmed_at", TIME),
    Column("collected_at", TIME),
)


def orders_table(sessions: Sessions, event_id: str) -> Table:
    """The tickets of an event that SQL has, read while the table is written."""
    return Table(COLUMNS, _rows(sessions, event_id))


def _rows(sessions: Sessions, event_id: str) -> Iterator[Row]:
    with reading(sessions) as session:
        found = session.execute(_tickets(event_id), execution_options={"yield_per": ROWS_PER_PIECE})
        for row in found.mappings():
            yield tuple((dict(row) | {"last_four": f"****{row['last_four'] or ''}"}).values())


def _tickets(event_id: str) -> Select[*tuple[object, ...]]:
    last_four = (
        select(Card.last_four)
        .where(Card.member_id == Order.member_id, Card.status != REPLACED)
        .order_by(Card.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            Order.number,
            Ticket.code,
            Quota.name.label("quota"),
            Ticket.status,
            Ticket.price,
            Order.currency,
            Order.payment_method,
            Order.payment_status,
            Member.name.label("member"),
            last_four.label("last_four"),
            Organisation.name.label("organisation"),
            Order.channel,
            Order.confirmed_at,
            Ticket.collected_at,
        )
        .join(Ticket, Ticket.order_id == Order.id)
        .join(Quota, Quota.id == Ticket.quota_id)
        .join(Member, Member.id == Order.member_id)
        .join(Organisation, Organisation.id == Member.organisation_id)
        .where(Order.event_id == event_id)
        .order_by(Order.confirmed_at, Order.id, Ticket.place)
    )
