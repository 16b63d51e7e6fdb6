"""The union's tree, and what staff do with one card."""

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.errors import Code
from ticketing.members.numbers import last_four, read_card_number
from ticketing.services.event_access import WRITERS

calls = Calls()


@calls(
    Operation(
        method="GET",
        path="/api/v1/staff/organisations",
        summary="One's organisation and all below it, parents first",
        tag="staff",
        caller="staff",
        gives=schemas.Organisations,
    )
)
def list_organisations(call: Call[None]) -> schemas.Organisations:
    """The part of the tree that the session covers."""
    nodes = call.front.services.staff.organisations(call.caller)
    return schemas.Organisations([views.organisation_view(node) for node in nodes])


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/organisations",
        summary="Add an organisation below one of one's own",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.NewOrganisation,
        gives=schemas.Organisation,
        status=201,
    )
)
def add_organisation(call: Call[schemas.NewOrganisation]) -> schemas.Organisation:
    """Its id is made unless one is given."""
    wish = call.body
    staff = call.front.services.staff
    return views.organisation_view(
        staff.add_organisation(call.caller, wish.name, wish.parent_id, wish.kind, wish.id)
    )


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/cards/block",
        summary="Block a card: no sign-in, and no buying within two seconds",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.CardAct,
        gives=schemas.CardAnswer,
        codes=(Code.NOT_FOUND,),
    )
)
def block_card(call: Call[schemas.CardAct]) -> schemas.CardAnswer:
    """Blocking a blocked card is no error."""
    card = call.body.card_number
    call.front.services.cards.block(call.caller, card, call.body.reason)
    return schemas.CardAnswer(_shown(card), "blocked")


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/cards/unblock",
        summary="Let a blocked card be used again",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.CardAct,
        gives=schemas.CardAnswer,
        codes=(Code.NOT_FOUND,),
    )
)
def unblock_card(call: Call[schemas.CardAct]) -> schemas.CardAnswer:
    """Freeing a free card is no error."""
    card = call.body.card_number
    call.front.services.cards.unblock(call.caller, card, call.body.reason)
    return schemas.CardAnswer(_shown(card), "active")


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/cards/replace",
        summary="Give a member a new card; the used allowance stays used",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.CardReplacement,
        gives=schemas.CardAnswer,
        codes=(Code.NOT_FOUND,),
    )
)
def replace_card(call: Call[schemas.CardReplacement]) -> schemas.CardAnswer:
    """Answers the new card; sessions of the old one end."""
    wish = call.body
    call.front.services.cards.replace(call.caller, wish.card_number, wish.new_card_number, wish.reason)
    return schemas.CardAnswer(_shown(wish.new_card_number), "active")


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/cards/reset-pin",
        summary="A one-time PIN, shown once",
        tag="staff",
        caller="staff",
        roles=(*WRITERS, "clerk"),
        takes=schemas.CardAct,
        gives=schemas.OneTimePin,
        codes=(Code.NOT_FOUND,),
    )
)
def reset_pin(call: Call[schemas.CardAct]) -> schemas.OneTimePin:
    """The member chooses their own with it; their sessions end."""
    card = call.body.card_number
    pin = call.front.services.cards.reset_pin(call.caller, card, call.body.reason)
    return schemas.OneTimePin(_shown(card), pin)


def _shown(card_number: str) -> str:
    return views.masked(last_four(read_card_number(card_number) or ""))
