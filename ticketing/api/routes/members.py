"""What members do beside the rush: sign in and out, see what they may still take, and their orders."""

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.devices import device_of
from ticketing.catalogue.tables import CANCELLED, CLOSED, Event
from ticketing.database import reading
from ticketing.errors import Code, Refusal
from ticketing.members import repository as members

ORDERS_PER_PAGE = 20

calls = Calls()


@calls(
    Operation(
        method="POST",
        path="/api/v1/sessions",
        summary="Sign in by card number and PIN",
        tag="members",
        takes=schemas.Login,
        gives=schemas.MemberSession,
        status=201,
        limited=True,
        codes=(Code.BAD_CREDENTIALS, Code.RATE_LIMITED),
    )
)
def sign_in(call: Call[schemas.Login]) -> schemas.MemberSession:
    """An unknown card, a wrong PIN and a blocked card get the same answer."""
    services = call.front.services
    token, claims = services.accounts.login_member(call.body.card_number, call.body.pin, call.address)
    services.logins.begun(claims, device_of(call.headers.get(b"user-agent", b"")))
    return schemas.MemberSession(token, views.instant(claims.expires_at), views.member_view(claims))


@calls(
    Operation(
        method="DELETE",
        path="/api/v1/sessions/current",
        summary="Sign out",
        tag="members",
        caller="member",
        status=204,
    )
)
def sign_out(call: Call[None]) -> None:
    """The token is worth nothing after at most two seconds, in every process."""
    call.front.services.accounts.logout(call.caller)


@calls(
    Operation(
        method="DELETE",
        path="/api/v1/sessions",
        summary="Sign out everywhere",
        tag="members",
        caller="member",
        status=204,
    )
)
def sign_out_everywhere(call: Call[None]) -> None:
    """As `sign_out`, for every session of this person, on whatever device."""
    call.front.services.accounts.logout(call.caller, everywhere=True)


@calls(
    Operation(
        method="POST",
        path="/api/v1/me/pin",
        summary="Change one's own PIN; other sessions end",
        tag="members",
        caller="member",
        takes=schemas.PinChange,
        status=204,
        codes=(Code.BAD_CREDENTIALS, Code.CARD_BLOCKED, Code.RATE_LIMITED),
    )
)
def change_pin(call: Call[schemas.PinChange]) -> None:
    """This session goes on."""
    call.front.services.accounts.change_pin(call.caller, call.body.pin, call.body.new_pin)


@calls(
    Operation(
        method="GET",
        path="/api/v1/me",
        summary="The member, what they may still take, and what they should know",
        tag="members",
        caller="member",
        gives=schemas.Me,
    )
)
def me(call: Call[None]) -> schemas.Me:
    """Allowances are those of the events now on sale or soon to be."""
    services, member = call.front.services, call.caller.id
    with reading(services.sessions) as session:
        holder = members.holder(session, member)
    if holder is None:
        raise Refusal(Code.UNAUTHENTICATED)
    notices = [views.notice_view(told) for told in services.notices.of_member(member)]
    return schemas.Me(views.holder_view(holder), _allowances(call), notices)


def _allowances(call: Call[None]) -> list[schemas.Allowance]:
    by_group: dict[str, list[Event]] = {}
    now = call.front.services.clock.now_ms()
    for card in call.front.board.cards():
        if card.event.state not in (CLOSED, CANCELLED) and now < card.event.closes_at:
            by_group.setdefault(card.event.group_id, []).append(card.event)
    found: list[schemas.Allowance] = []
    for group_id, events in by_group.items():
        found += views.allowances(events, call.front.services.keeper.ledger(group_id, call.caller.id))
    return found


@calls(
    Operation(
        method="GET",
        path="/api/v1/orders",
        summary="One's own orders, newest first",
        tag="members",
        caller="member",
        gives=schemas.Orders,
        query=("cursor",),
    )
)
def list_orders(call: Call[None]) -> schemas.Orders:
    """From SQL, and from Redis what SQL does not have yet."""
    page, cursor = call.front.services.orders.page(call.caller.id, call.query("cursor"), ORDERS_PER_PAGE)
    return schemas.Orders([views.order_view(order, call.front.services.seal) for order in page], cursor)


@calls(
    Operation(
        method="GET",
        path="/api/v1/orders/{order_id}",
        summary="One of one's own orders as it is now",
        tag="members",
        caller="member",
        gives=schemas.Order,
        codes=(Code.NOT_FOUND, Code.RECOVERING),
    )
)
def read_order(call: Call[None]) -> schemas.Order:
    """Also before SQL has it."""
    services = call.front.services
    return views.order_view(services.orders.get(call.caller.id, call.path("order_id")), services.seal)


@calls(
    Operation(
        method="POST",
        path="/api/v1/orders/{order_id}/cancel",
        summary="Give tickets of an order back, until `cancellable_until`",
        tag="members",
        caller="member",
        takes=schemas.Cancellation,
        body_optional=True,
        gives=schemas.Order,
        codes=(Code.NOT_FOUND, Code.NOT_CANCELLABLE, Code.RECOVERING),
    )
)
def cancel_order(call: Call[schemas.Cancellation]) -> schemas.Order:
    """The tickets go back on sale once SQL has committed, and the allowance comes back."""
    order_id, codes = call.path("order_id"), call.body.ticket_codes
    services = call.front.services
    return views.order_view(services.orders.cancel(call.caller.id, order_id, codes), services.seal)
