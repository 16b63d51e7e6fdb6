"""A small, sound rehearsal to tell of and to spoil: two quotas, three people, everything as it should be."""

from loadtests.books import Books, Order, QuotaCounts, Ticket
from loadtests.plan import Crowd, Plan, Quota
from loadtests.records import CONFIRM, HOLD, RELEASE, Told

OPENS_AT = 1_777_597_200_000
MORNING, EVENING = "ev-1", "ev-2"


def plan() -> Plan:
    """Two quotas of 4 and 2 tickets, two a card."""
    return Plan(
        scenario="small",
        title="小型 <演练>",
        base_url="http://127.0.0.1:1",
        event_id="ev",
        opens_at=OPENS_AT,
        quotas=(Quota(MORNING, "上午", 4), Quota(EVENING, "晚上", 2)),
        per_card_limit=2,
        payment_method="free",
        hold_seconds=10,
        raised=False,
        cards=3,
        users=3,
        processes=1,
        seconds_max=60,
        seed=1,
        crowd=Crowd({1: 1.0}, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, (0.0, 0.0)),
    )


def hold(
    hold_id: str, member: int, quota_id: str, quantity: int, *, second: float = 1.0, **changes: object
) -> Told:
    """A granted hold of ten seconds, made in the given second of the sale."""
    created_at = OPENS_AT + int(second * 1000)
    facts: dict[str, object] = {
        "key": f"key-{hold_id}",
        "items": {quota_id: quantity},
        "hold": hold_id,
        "created_at": created_at,
        "expires_at": created_at + 10_000,
        "digest": f"body of {hold_id}",
    }
    return Told(HOLD, created_at / 1000 + 0.01, 10.0, 201, member=member, **(facts | changes))  # type: ignore[arg-type]


def confirm(hold_id: str, member: int, quantity: int, *, second: float = 2.0, **changes: object) -> Told:
    """A confirmed order with its codes, told in the given second of the sale."""
    facts: dict[str, object] = {"status": 200, "hold": hold_id, "codes": codes(hold_id, quantity)}
    return Told(CONFIRM, OPENS_AT / 1000 + second, 12.0, member=member, **(facts | changes))  # type: ignore[arg-type]


def release(hold_id: str, member: int, second: float) -> Told:
    """A hold given back, told in the given second of the sale."""
    return Told(RELEASE, OPENS_AT / 1000 + second, 5.0, 204, member=member, hold=hold_id)


def refused(member: int, code: str, *, status: int = 409, second: float = 3.0, key: str = "refused") -> Told:
    """A hold that was refused."""
    return Told(HOLD, OPENS_AT / 1000 + second, 4.0, status, code, member, key, {MORNING: 1})


def codes(order_id: str, quantity: int) -> tuple[str, ...]:
    """The codes of an order's tickets."""
    return tuple(f"{order_id.upper()}-{place}" for place in range(1, quantity + 1))


def order(order_id: str, member: int, *quota_ids: str, status: str = "issued") -> Order:
    """An order as SQL has it, a ticket for each quota id."""
    tickets = zip(codes(order_id, len(quota_ids)), quota_ids, strict=True)
    return Order(
        order_id, member, "confirmed", tuple(Ticket(code, quota_id, status) for code, quota_id in tickets)
    )


def told() -> list[Told]:
    """What the clients of the sound rehearsal were told: six tickets to three people, and one no."""
    return [
        hold("a", 1, MORNING, 2),
        confirm("a", 1, 2),
        hold("b", 2, MORNING, 2),
        hold("b", 2, MORNING, 2, replayed=True),
        confirm("b", 2, 2),
        hold("c", 3, EVENING, 2),
        confirm("c", 3, 2),
        confirm("c", 3, 2),
        refused(1, "sold_out"),
    ]


def books() -> Books:
    """The books of the sound rehearsal."""
    return Books(
        quotas={MORNING: QuotaCounts(4, 0, 0, 4), EVENING: QuotaCounts(2, 0, 0, 2)},
        orders=(
            order("a", 1, MORNING, MORNING),
            order("b", 2, MORNING, MORNING),
            order("c", 3, EVENING, EVENING),
        ),
        backlog=0,
        drain_seconds=0.4,
    )
