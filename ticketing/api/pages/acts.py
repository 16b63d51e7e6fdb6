"""The words for what the audit trail calls by code: acts, and who did them."""

from collections.abc import Callable, Mapping

from ticketing.api.pages.names import N_

ACTS: Mapping[str, str] = {
    "event.create": N_("Event drafted"),
    "event.change": N_("Event changed"),
    "event.publish": N_("Event published"),
    "event.pause": N_("Sale paused"),
    "event.resume": N_("Sale resumed"),
    "event.close": N_("Sale closed"),
    "event.cancel": N_("Event called off"),
    "event.look": N_("Look of an event changed"),
    "group.create": N_("Series of events made"),
    "group.change": N_("Series of events changed"),
    "group.rebuild": N_("Sale put right after a fault"),
    "group.archive": N_("Sale archived"),
    "quota.add": N_("Quota added"),
    "quota.change": N_("Quota changed"),
    "quota.raise": N_("Tickets added"),
    "event.postpone": N_("Event postponed"),
    "wave.release": N_("Tickets released at their time"),
    "wave.cancel": N_("Release called off"),
    "wave.lapse": N_("Release lapsed: the sale had ended"),
    "quota.resize": N_("Number of tickets changed"),
    "quota.resize_refused": N_("Change of the number of tickets refused"),
    "quota.table": N_("Quotas changed as a table"),
    "quota.give_back_share": N_("Desk's share given back to the web"),
    "order.sell": N_("Sold at the desk"),
    "order.finish_sale": N_("Sale at the desk finished later"),
    "order.pick_up": N_("Tickets handed over"),
    "order.pick_up_away": N_("Tickets handed over without the network"),
    "order.undo_pick_up": N_("Hand-over taken back"),
    "order.undo_sale": N_("Sale at the desk undone"),
    "order.return_uncollected": N_("Tickets not collected given back"),
    "order.print": N_("Receipt or tickets printed"),
    "order.cancel": N_("Tickets cancelled"),
    "desk_conflict.settle": N_("Conflict of desks settled"),
    "card.block": N_("Card blocked"),
    "card.unblock": N_("Card unblocked"),
    "card.replace": N_("Card replaced"),
    "card.reset_pin": N_("One-time PIN given"),
    "card.change_pin": N_("PIN changed"),
    "cards.import": N_("Cards imported"),
    "import.send": N_("Card list sent"),
    "import.start": N_("Card list started"),
    "import.drop": N_("Card list dropped"),
    "import.read_refused": N_("Refused lines of a card list taken away"),
    "member.move": N_("Member moved to another union"),
    "member.erase": N_("Member's data erased"),
    "staff.add": N_("Staff account added"),
    "staff.disable": N_("Staff account disabled"),
    "staff.enable": N_("Staff account enabled"),
    "staff.reset_password": N_("Staff password reset"),
    "staff.change": N_("Staff account changed"),
    "staff.end_sessions": N_("Staff sessions ended"),
    "staff.enrol_second_factor": N_("Second factor set up"),
    "staff.remove_second_factor": N_("Second factor removed"),
    "staff.reset_second_factor": N_("Second factor reset"),
    "staff.link_provider": N_("Sign-in provider linked"),
    "staff.unlink_provider": N_("Sign-in provider unlinked"),
    "organisation.add": N_("Organisation added"),
    "organisation.look": N_("Look of the pages changed"),
    "organisation.rename": N_("Organisation renamed"),
    "venue.admit": N_("Venue admitted"),
    "venue.change": N_("Venue changed"),
    "venue.suspend": N_("Venue suspended"),
    "venue.remove": N_("Venue removed"),
    "budget.create": N_("Budget made"),
    "budget.change": N_("Budget changed"),
    "budget.put_in": N_("Event put into a budget"),
    "budget.take_out": N_("Event taken out of a budget"),
    "shift.open": N_("Shift opened"),
    "shift.close": N_("Shift closed"),
    "token.create": N_("API token made"),
    "token.revoke": N_("API token revoked"),
    "webhook.create": N_("Webhook set up"),
    "webhook.pause": N_("Webhook paused"),
    "webhook.resume": N_("Webhook resumed"),
    "webhook.remove": N_("Webhook removed"),
    "webhook.replay": N_("Webhook told again"),
    "trail.accept": N_("Missing entries of the trail accepted"),
}
"""What was done, by the code of the act. `tests/unit/api/pages/test_acts.py` finds one that has no name."""

KINDS: Mapping[str, tuple[str, ...]] = {
    N_("Events and quotas"): ("event", "group", "quota", "wave", "budget"),
    N_("Orders and tickets"): ("order", "desk_conflict"),
    N_("Cards and members"): ("card", "cards", "import", "member"),
    N_("Staff and organisations"): ("staff", "organisation", "venue", "token", "webhook"),
    N_("Tills"): ("shift",),
}
"""Kinds of acts as people look for them, by what stands before the dot of a code."""

DETAILS: Mapping[str, str] = {
    "reason": N_("Reason"),
    "changes": N_("Changes"),
    "tickets": N_("Which tickets"),
    "desk": N_("Desk"),
    "paid": N_("Paid"),
    "remark": N_("Remark"),
    "name": N_("Name"),
    "url": N_("Address"),
    "kinds": N_("What it is told"),
    "scopes": N_("What it may do"),
    "title": N_("Title"),
    "capacity": N_("Tickets"),
    "withheld": N_("Held back"),
    "price": N_("Price"),
    "face_price": N_("Price at the venue"),
    "per_card_limit": N_("Limit per card"),
    "opens_at": N_("Booking opens"),
    "closes_at": N_("Booking closes"),
    "starts_at": N_("Takes place"),
    "collect_until": N_("Collect until"),
    "cancellable_until": N_("Cancel until"),
    "venue": N_("Venue"),
    "pickup": N_("Collect at"),
    "description": N_("Description"),
    "username": N_("Username"),
    "provider": N_("Provider"),
    "role": N_("Role"),
    "organisation": N_("Organisation"),
    "kind": N_("Kind"),
    "force": N_("Below what is sold"),
    "expected": N_("Expected"),
    "counted": N_("Counted"),
    "cash": N_("Cash"),
    "card": N_("Card"),
    "opening_cash": N_("Cash at the opening"),
    "orders": N_("Orders"),
    "code": N_("Why refused"),
    "plan": N_("Plan"),
    "amount": N_("Amount"),
    "note": N_("Note"),
    "quotas": N_("Quotas"),
    "accepted": N_("Taken over"),
    "changed": N_("Changed"),
    "refused": N_("Refused"),
    "found": N_("Found"),
    "colour": N_("Colour"),
    "contact": N_("Contact"),
    "contract_number": N_("Contract no."),
    "hold_seconds": N_("Seconds to confirm a hold"),
    "notice": N_("Notice above the booking form"),
    "payment_methods": N_("Payment"),
    "uncollected": N_("Tickets nobody collected by then"),
    "allowance_group": N_("Series"),
    "eligible_organisations": N_("Who may book"),
}
"""What the details of an act are called; one that is not here says its own name."""

AMOUNTS = frozenset({"paid", "price", "face_price", "cash", "card", "opening_cash", "amount"})
HIDDEN = frozenset({"act", "epoch", "position", "digest", "key", "picture", "currency", "event"})
"""What says nothing to people."""

YES, NO, NONE = N_("yes"), N_("no"), N_("nothing")

SYSTEM = N_("the system")
MEMBER = N_("a member")
PROGRAM = N_("an API token")


def act_text(action: str) -> str:
    """The words for an act, still in English; one that has none says its code."""
    return ACTS.get(action, action)


def actions_of(name: str) -> list[str]:
    """The codes of acts that are meant by one code, or by what stands before its dot."""
    return [action for action in ACTS if action.partition(".")[0] == name] or [name]


def actor_text(actor: str, say: Callable[[str], str]) -> str:
    """Who it was: staff have a name, which nobody translates; a member's number never leaves the engine."""
    kind, _, name = actor.partition(":")
    return name if kind == "staff" else say({"member": MEMBER, "token": PROGRAM}.get(kind, SYSTEM))
