"""The till: a clerk's shift at a desk, what it should hold, what was counted, and the report for finance.

Every hand-over that takes money, and every undo that gives some back, is counted in the shift that is open
then; what happens outside any shift is counted too, and shown beside them. A shift is closed once, with what was
counted; a difference needs a remark.
"""

from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct, structs
from sqlalchemy.orm import Session

from ticketing import identifiers
from ticketing.catalogue import repository as catalogue
from ticketing.clock import DAY_MS, ServerClock
from ticketing.database import Sessions, reading, snapshot
from ticketing.errors import Code, Refusal, invalid
from ticketing.keyring import Keyring
from ticketing.members import repository as members
from ticketing.orders import till
from ticketing.orders.till import TAKEN, LooseLine, ShiftRecord, TillLine
from ticketing.services import event_access, trail, unfinished
from ticketing.services.desk import require_clerk
from ticketing.services.report_period import require_period
from ticketing.services.tokens import Claims
from ticketing.services.unfinished import UnfinishedSale
from ticketing.staff import repository as staff

CURRENCY = "CNY"
RECENT_SHIFTS = 10
UNFINISHED_DAYS = 31
"""How far back a clerk's page looks for sales that nothing counts; reports and the doctor look further."""

_REMARK_MISSING = "say why the counts differ"


class TillSums(Struct, frozen=True):
    """Money in the till, by way of payment."""

    cash: int
    card: int

    def __sub__(self, other: "TillSums") -> "TillSums":
        return TillSums(self.cash - other.cash, self.card - other.card)


class Line(Struct, frozen=True):
    """What was taken (or given back) for one event by one way of payment; `clerk` and `desk` outside a shift."""

    kind: str
    event_id: str
    title: str
    currency: str
    method: str | None
    count: int
    amount: int
    clerk: str = ""
    desk: str = ""


class Shift(Struct, frozen=True):
    """A shift with its lines. `expected` is what the till should hold now, or held when it was closed.

    `unfinished` are the clerk's sales in its time that nothing counts: the drawer may hold their money too.
    """

    record: ShiftRecord
    clerk: str
    closed_by: str
    lines: tuple[Line, ...]
    expected: TillSums
    counted: TillSums | None
    unfinished: tuple[UnfinishedSale, ...] = ()
    replayed: bool = False

    @property
    def difference(self) -> TillSums | None:
        """Counted less expected, once it is closed."""
        return self.counted - self.expected if self.counted else None


class TillReport(Struct, frozen=True):
    """The shifts that were opened in a time, the money that no shift counted in it, and sales that nothing counts."""

    since: int
    until: int
    shifts: tuple[Shift, ...]
    loose: tuple[Line, ...]
    unfinished: tuple[UnfinishedSale, ...]


class TillService:
    """Opens and closes shifts, and adds them up."""

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock) -> None:
        self._sessions = sessions
        self._keyring = keyring
        self._clock = clock

    def open(self, clerk: Claims, key: str, desk: str, opening_cash: int, currency: str = CURRENCY) -> Shift:
        """Open a clerk's shift at a desk with the cash that is in the drawer; the first answer again.

        Raises `Refusal` SHIFT_OPEN (with `shift_id`, `opened_at`) when they have one open there,
        IDEMPOTENCY_KEY_REUSED or FORBIDDEN.
        """
        require_clerk(clerk)
        wish = ShiftRecord(
            id=identifiers.act_id("s", clerk.id, key),
            staff_id=clerk.id,
            organisation_id=clerk.organisation_id,
            desk=desk,
            currency=currency,
            opening_cash=opening_cash,
            opened_at=self._clock.now_ms(),
        )
        with self._sessions.begin() as session:
            is_new = till.add_shift(session, wish)
            record = wish if is_new else _opened_before(session, wish)
            if is_new:
                detail = {"desk": desk, "opening_cash": opening_cash, "currency": currency}
                trail.record(session, wish.opened_at, clerk.actor, "shift.open", f"shift:{wish.id}", detail)
            return structs.replace(_shifts(session, [_as_opened(record)], {})[0], replayed=not is_new)

    def close(
        self, clerk: Claims, shift_id: str, counted_cash: int, counted_card: int, remark: str = ""
    ) -> Shift:
        """Close a shift with the cash counted and the sum of the card terminal; repeatable.

        Raises `Refusal` INVALID when the counts differ from what is expected and `remark` does not say why,
        SHIFT_CLOSED (with `closed_at`) when it was closed with other counts, NOT_FOUND or FORBIDDEN.
        """
        require_clerk(clerk)
        counted = TillSums(counted_cash, counted_card)
        with self._sessions.begin() as session:
            record = till.shift(session, shift_id, lock=True)
            if record is None or not _may_close(session, clerk, record):
                raise Refusal(Code.NOT_FOUND)
            if record.closed_at is None:
                self._close(session, clerk, record, counted, remark)
            elif (_counted(record), record.remark) != (counted, remark):
                raise Refusal(Code.SHIFT_CLOSED, closed_at=record.closed_at)
            closed = till.shift(session, shift_id)
            assert closed is not None, "it was there in this transaction"
            return self._with_lines(session, [closed])[0]

    def _close(
        self, session: Session, clerk: Claims, record: ShiftRecord, counted: TillSums, remark: str
    ) -> None:
        expected = _expected(record, till.lines(session, [record.id])[record.id])
        if counted != expected and not remark:
            raise invalid(("remark", _REMARK_MISSING))
        closed = structs.replace(
            record,
            closed_at=self._clock.now_ms(),
            closed_by=clerk.id,
            expected_cash=expected.cash,
            expected_card=expected.card,
            counted_cash=counted.cash,
            counted_card=counted.card,
            remark=remark,
        )
        till.close_shift(session, closed)
        assert closed.closed_at is not None
        detail = {"expected": expected, "counted": counted, "remark": remark}
        trail.record(session, closed.closed_at, clerk.actor, "shift.close", f"shift:{record.id}", detail)

    def shift(self, reader: Claims, shift_id: str) -> Shift:
        """A shift as it is now. Raises `Refusal` NOT_FOUND, also for one that is not theirs to see."""
        event_access.require_staff(reader)
        with reading(self._sessions) as session:
            record = till.shift(session, shift_id)
            if record is None or not _may_see(session, reader, record):
                raise Refusal(Code.NOT_FOUND)
            return self._with_lines(session, [record])[0]

    def mine(self, clerk: Claims) -> tuple[Shift, ...]:
        """A clerk's open shifts, oldest first, then their latest closed ones, newest first."""
        require_clerk(clerk)
        with reading(self._sessions) as session:
            recent = till.recent_shifts_of(session, clerk.id, RECENT_SHIFTS)
            return self._with_lines(session, [*till.open_shifts_of(session, clerk.id), *recent])

    def unfinished(self, clerk: Claims) -> tuple[UnfinishedSale, ...]:
        """A clerk's own sales of the last days that nothing counts, made in a shift or not."""
        require_clerk(clerk)
        now = self._clock.now_ms()
        with reading(self._sessions) as session:
            return unfinished.find(
                session,
                self._keyring,
                now - UNFINISHED_DAYS * DAY_MS,
                now - unfinished.GRACE_MS,
                sellers=[clerk.id],
            )

    def report(self, reader: Claims, since: int, until: int) -> TillReport:
        """Every shift of the reader's organisation and below, and what no shift counted, in `[since, until)`.

        Raises `Refusal` FORBIDDEN, or INVALID for a time that is empty or too long.
        """
        event_access.require_reader(reader)
        require_period(since, until)
        below = event_access.organisations_below(reader)
        with snapshot(self._sessions) as session:
            shifts = self._with_lines(session, till.shifts_between(session, below, since, until))
            events = catalogue.ids_of_organisations(below)
            loose = till.loose_lines(session, events, since, until)
            over = min(until, self._clock.now_ms() - unfinished.GRACE_MS)
            missing = unfinished.find(session, self._keyring, since, over, events)
            return TillReport(since, until, shifts, _named(session, loose), missing)

    def _with_lines(self, session: Session, records: Sequence[ShiftRecord]) -> tuple[Shift, ...]:
        if not records:
            return ()
        shifts = _shifts(session, records, till.lines(session, [record.id for record in records]))
        over = self._clock.now_ms() - unfinished.GRACE_MS
        since, clerks = min(one.opened_at for one in records), {one.staff_id for one in records}
        missing = unfinished.find(session, self._keyring, since, over, sellers=clerks)
        return tuple(
            structs.replace(shift, unfinished=tuple(sale for sale in missing if _is_in(shift.record, sale)))
            for shift in shifts
        )


def _opened_before(session: Session, wish: ShiftRecord) -> ShiftRecord:
    known = till.shift(session, wish.id)
    if known is not None:
        if _wish(known) != _wish(wish):
            raise Refusal(Code.IDEMPOTENCY_KEY_REUSED)
        return known
    other = till.open_shift_at(session, wish.staff_id, wish.desk)
    if other is None:  # closed between the two statements
        raise Refusal(Code.UNAVAILABLE)
    raise Refusal(Code.SHIFT_OPEN, shift_id=other.id, opened_at=other.opened_at)


def _wish(record: ShiftRecord) -> tuple[object, ...]:
    return record.desk, record.currency, record.opening_cash


def _as_opened(record: ShiftRecord) -> ShiftRecord:
    """The shift as its opening left it: closed since or not, the first answer is still the same."""
    return ShiftRecord(*structs.astuple(record)[:7])


def _may_see(session: Session, reader: Claims, record: ShiftRecord) -> bool:
    return record.staff_id == reader.id or (
        reader.role in event_access.READERS and _covers(session, reader, record.organisation_id)
    )


def _may_close(session: Session, clerk: Claims, record: ShiftRecord) -> bool:
    """Their own, or as a manager one that somebody left open."""
    return record.staff_id == clerk.id or (
        clerk.role in event_access.WRITERS and _covers(session, clerk, record.organisation_id)
    )


def _covers(session: Session, reader: Claims, organisation_id: str) -> bool:
    organisation = members.organisation(session, organisation_id)
    return organisation is not None and reader.covers(organisation.path)


def _expected(record: ShiftRecord, lines: Iterable[TillLine]) -> TillSums:
    sums = {"cash": record.opening_cash, "card": 0}
    for line in lines:
        if line.method in sums:
            sums[line.method] += line.amount if line.kind == TAKEN else -line.amount
    return TillSums(**sums)


def _counted(record: ShiftRecord) -> TillSums | None:
    if record.counted_cash is None or record.counted_card is None:
        return None
    return TillSums(record.counted_cash, record.counted_card)


def _is_in(record: ShiftRecord, sale: UnfinishedSale) -> bool:
    """Whether its clerk sold it while this shift was open."""
    sold_at = sale.order.confirmed_at
    return (
        sale.seller == record.staff_id
        and sale.order.currency == record.currency
        and record.opened_at <= sold_at
        and (record.closed_at is None or sold_at < record.closed_at)
    )


def _shifts(
    session: Session, records: Sequence[ShiftRecord], lines: dict[str, list[TillLine]]
) -> tuple[Shift, ...]:
    titles = catalogue.titles(session, {line.event_id for each in lines.values() for line in each})
    people = {one for record in records for one in (record.staff_id, record.closed_by) if one is not None}
    names = staff.usernames(session, people)
    return tuple(_shift(record, lines.get(record.id, []), titles, names) for record in records)


def _shift(
    record: ShiftRecord, lines: Sequence[TillLine], titles: dict[str, str], names: dict[int, str]
) -> Shift:
    return Shift(
        record=record,
        clerk=names.get(record.staff_id, ""),
        closed_by=names.get(record.closed_by or 0, ""),
        lines=tuple(Line(title=titles.get(line.event_id, ""), **structs.asdict(line)) for line in lines),
        expected=_expected(record, lines),
        counted=_counted(record),
    )


def _named(session: Session, loose: Collection[LooseLine]) -> tuple[Line, ...]:
    titles = catalogue.titles(session, {one.line.event_id for one in loose})
    names = staff.usernames(session, {one.staff_id for one in loose})
    return tuple(
        Line(
            title=titles.get(one.line.event_id, ""),
            clerk=names.get(one.staff_id, ""),
            desk=one.desk,
            **structs.asdict(one.line),
        )
        for one in loose
    )
