"""Members as staff who look after them see them, and the organisations they belong to."""

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.errors import Code, invalid
from ticketing.services.event_access import READERS, WRITERS
from ticketing.services.member_care import FoundMember, HeldCard
from ticketing.services.member_history import Entry
from ticketing.services.organisations import Node

MEMBERS = "/api/v1/staff/members"
ONE = f"{MEMBERS}/{{card_id}}"
ORGANISATION = "/api/v1/staff/organisations/{organisation_id}"
_PAGE_MAX = 9_999

calls = Calls()


@calls(
    Operation(
        method="GET",
        path=ORGANISATION,
        summary="An organisation with its members and cards, and page `page` of those directly below it",
        tag="staff",
        caller="staff",
        gives=schemas.OrganisationPlace,
        query=("page",),
        codes=(Code.NOT_FOUND,),
    )
)
def show_organisation(call: Call[None]) -> schemas.OrganisationPlace:
    """Each count is of the organisation and all below it."""
    text = call.query("page") or "1"
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:5]) <= _PAGE_MAX and len(text) <= 4):
        raise invalid(("page", "must be a whole number from 1"))
    place = call.front.services.organisations.place(call.caller, call.path("organisation_id"), int(text))
    return schemas.OrganisationPlace(_node(place.node), [_node(node) for node in place.below], place.more)


@calls(
    Operation(
        method="PATCH",
        path=ORGANISATION,
        summary="Give an organisation another name",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.OrganisationChange,
        gives=schemas.Organisation,
        codes=(Code.NOT_FOUND,),
    )
)
def rename_organisation(call: Call[schemas.OrganisationChange]) -> schemas.Organisation:
    """Its id and its place stay."""
    service = call.front.services.organisations
    return views.organisation_view(service.rename(call.caller, call.path("organisation_id"), call.body.name))


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/member-search",
        summary="Members by card number, phone number or a part of their name",
        tag="staff",
        caller="staff",
        roles=READERS,
        takes=schemas.MemberSearch,
        gives=schemas.FoundMembers,
    )
)
def search_members(call: Call[schemas.MemberSearch]) -> schemas.FoundMembers:
    """Of one's organisation and below. In a body: a card number has no place in an address."""
    found = call.front.services.member_care.find(call.caller, call.body.q)
    return schemas.FoundMembers([_found(member) for member in found])


@calls(
    Operation(
        method="GET",
        path=ONE,
        summary="The member who holds, or held, a card",
        tag="staff",
        caller="staff",
        roles=READERS,
        gives=schemas.StaffMember,
        codes=(Code.NOT_FOUND,),
    )
)
def show_member(call: Call[None]) -> schemas.StaffMember:
    """With every card they ever had."""
    member = call.front.services.member_care.member(call.caller, call.path("card_id"))
    return schemas.StaffMember(
        member=_found(member.found),
        cards=[_card(card) for card in member.cards],
        since=views.instant(member.since),
        pin_must_change=member.must_change_pin,
    )


@calls(
    Operation(
        method="GET",
        path=f"{ONE}/history",
        summary="What happened to a member, newest first",
        tag="staff",
        caller="staff",
        roles=READERS,
        gives=schemas.MemberHistory,
        query=("cursor",),
        codes=(Code.NOT_FOUND,),
    )
)
def show_history(call: Call[None]) -> schemas.MemberHistory:
    """Orders of other unions' events are left out."""
    history = call.front.services.member_history
    page = history.page(call.caller, call.path("card_id"), call.query("cursor"))
    return schemas.MemberHistory([_entry(entry) for entry in page.entries], page.cursor)


def _node(node: Node) -> schemas.OrganisationNode:
    return schemas.OrganisationNode(
        id=node.id,
        name=node.name,
        kind=node.kind,
        parent_id=node.parent_id,
        members=node.count.members,
        cards_active=node.count.active,
        cards_blocked=node.count.blocked,
    )


def _found(member: FoundMember) -> schemas.FoundMember:
    return schemas.FoundMember(
        name=member.name,
        phone_masked=member.phone,
        organisation=member.organisation_id,
        organisation_name=member.organisation_name,
        card=_card(member.card),
    )


def _card(card: HeldCard) -> schemas.MemberCard:
    return schemas.MemberCard(
        id=str(card.id),
        card_masked=views.masked(card.last_four),
        status=card.status,  # type: ignore[arg-type] # one of the states, as the table has it
        since=views.instant(card.created_at),
    )


def _entry(entry: Entry) -> schemas.HistoryEntry:
    return schemas.HistoryEntry(
        at=views.instant(entry.at),
        kind=entry.kind,
        by=entry.who,
        order_number=entry.order_number,
        event_id=entry.event_id,
        facts=entry.facts,
    )
