"""The words of the pages for what the engine calls by code: states, payments, roles, and every refusal.

`N_` marks a text for the catalogue; it is translated when it is shown.
"""

from collections.abc import Mapping
from typing import Any

from ticketing.catalogue.validation import (
    CAPACITY_MAX,
    NAME_CHARS_MAX,
    PER_CARD_LIMIT_MAX,
    PRICE_MAX,
    SHARE_BACK_MINUTES_MAX,
)
from ticketing.catalogue.venues import IS_REMOVED, IS_SUSPENDED
from ticketing.errors import Code
from ticketing.members.numbers import PIN_RULE
from ticketing.services.notices import EVENT_CANCELLED, EVENT_MOVED, NOT_COLLECTED
from ticketing.services.survivors import HOLD_VOID


def N_(text: str) -> str:  # noqa: N802 - the name the extractor of messages knows
    """Mark `text` for translation."""
    return text


STATUSES: Mapping[str, str] = {
    "draft": N_("Draft"),
    "scheduled": N_("Not open yet"),
    "open": N_("Open"),
    "paused": N_("Paused"),
    "sold_out": N_("Sold out"),
    "closed": N_("Closed"),
    "recovering": N_("Being put right"),
    "cancelled": N_("Cancelled"),
    "issued": N_("To be collected"),
    "collected": N_("Collected"),
    "void": N_("Void"),
    "confirmed": N_("Confirmed"),
    "due": N_("To be paid"),
    "paid": N_("Paid"),
    "refund_due": N_("Refund due"),
    "admitted": N_("Admitted"),
    "suspended": N_("Suspended"),
    "removed": N_("Removed"),
}

STATUS_SENTENCES: Mapping[str, str] = {
    "paused": N_("Booking is paused. Please look again in a few minutes."),
    "closed": N_("Booking is over. Your tickets are under “My tickets”."),
    "recovering": N_(
        "This sale is being put right after a fault. Nothing is lost; please look again in a minute."
    ),
    "cancelled": N_("This event was cancelled."),
}

HOLD_SENTENCES: Mapping[str, str] = {
    "confirmed": N_("These tickets are yours"),
    "released": N_("You gave these tickets back"),
    "expired": N_("The time to confirm is over; the tickets went back on sale"),
}

NOTICES: Mapping[str, str] = {
    HOLD_VOID: N_(
        "Your hold ended while the sale was being put right, and its tickets went back: please book again."
    ),
    EVENT_MOVED: N_("“%(title)s” is not as it was when you booked:"),
    EVENT_CANCELLED: N_(
        "“%(title)s” was cancelled. Your tickets are void; what you paid is paid back at the desk."
    ),
    NOT_COLLECTED: N_(
        "“%(title)s”: tickets that you did not collect in time went back. Your allowance is free again; "
        "what you paid is paid back at the desk."
    ),
}
"""By kind of notice; one of another kind is shown as it was written."""

PAYMENT_METHODS: Mapping[str, str] = {
    "free": N_("Free"),
    "desk": N_("At the desk when you collect"),
    "cash": N_("Cash"),
    "card": N_("Card"),
}

DESK_METHODS = ("card", "cash", "free")

PAYMENT_SENTENCES: Mapping[str, str] = {
    "not_needed": N_("Nothing to pay"),
    "due": N_("%(amount)s, to be paid when you collect"),
    "paid": N_("%(amount)s, paid"),
    "refund_due": N_("%(amount)s, to be paid back to you"),
    "refunded": N_("%(amount)s, paid back to you"),
}

CONFIRM_BUTTONS: Mapping[str, str] = {
    "free": N_("Confirm: free of charge"),
    "desk": N_("Confirm: pay %(amount)s at the desk"),
}

ALLOWANCES: Mapping[str, str] = {
    "event": N_("The limit is %(limit)s per card; yours so far: %(used)s, left: %(left)s."),
    "group": N_(
        "The limit is %(limit)s per card over the whole series; yours so far: %(used)s, left: %(left)s."
    ),
}

ALLOWANCES_AT_DESK: Mapping[str, str] = {
    "event": N_("%(left)s more; limit %(limit)s per card, %(used)s used"),
    "group": N_("%(left)s more; limit %(limit)s per card over the series, %(used)s used"),
}

MINUTES = N_("%(num)s min")
SECONDS = N_("%(num)s s")

ROLES: Mapping[str, str] = {
    "admin": N_("administrator"),
    "manager": N_("manager"),
    "clerk": N_("desk clerk"),
    "auditor": N_("auditor"),
}

DONE: Mapping[str, str] = {
    "pin": N_("Your PIN is changed."),
    "login": N_("Signed out there, within two seconds."),
    "booked": N_("Booked: the tickets are yours."),
    "released": N_("You gave the tickets back."),
    "cancelled": N_("The tickets are cancelled and back on sale."),
    "edited": N_("The event is changed."),
    "created": N_("The draft is saved."),
    "publish": N_("The event is published."),
    "pause": N_("The sale is paused."),
    "resume": N_("The sale goes on."),
    "close": N_("The sale is closed."),
    "cancel": N_("The event is called off; its tickets become void within moments."),
    "capacity": N_("The quota is changed."),
    "quota": N_("The quota is added."),
    "postponed": N_("The event is postponed; whoever has tickets is told."),
    "raised": N_("The quota is raised; what was planned for later comes by itself."),
    "wave-off": N_("That release is called off."),
    "table": N_("The quotas are as in the table."),
    "desk": N_("The settings of this desk are saved."),
    "given-back": N_("The tickets are on sale on the web."),
    "settled": N_("The conflict is settled; it stands under “Settled ones”."),
    "share": N_("The desk's share is changed."),
    "shift": N_("The shift is open: what you take at this desk is counted in it."),
    "venue": N_("The venue is admitted to the programme."),
    "venue-changed": N_("What is written down of the venue is changed."),
    "venue-admit": N_("The venue is admitted again: its events may go on sale."),
    "venue-suspend": N_("The venue is suspended: its events cannot go on sale."),
    "venue-remove": N_("The venue is removed from the programme: its events cannot go on sale."),
    "budget": N_("The budget is made. Put the events of the campaign in."),
    "budget-changed": N_("The budget is changed."),
    "budget-in": N_("The event counts against this budget now."),
    "budget-out": N_("The event counts against this budget no longer."),
    "sale-finished": N_("The sale is finished: its money is counted, and no ticket of it waits any more."),
    "sale-undone": N_("The sale is undone; its tickets are on sale again."),
    "sale-settled": N_("Somebody else has settled this sale meanwhile."),
    "shift-closed": N_("The shift is closed."),
    "series": N_("The series is made. Put drafts into it, then publish them."),
    "series-changed": N_("The series is changed."),
    "series-in": N_("The draft is in the series now."),
    "series-out": N_("The draft is out of the series."),
    "organisation": N_("The organisation is added."),
    "renamed": N_("The organisation is renamed."),
    "card-block": N_("The card is blocked: no sign-in, and no booking within two seconds."),
    "card-unblock": N_("The card can be used again."),
    "card-replace": N_("The card is replaced; the new one has the same PIN, and what was used stays used."),
    "account": N_("The account is changed; whoever used it signs in anew."),
    "account-disable": N_("The account is disabled; whoever used it is signed out within two seconds."),
    "linked": N_("Your account is linked: from now on you can sign in by the provider."),
    "unlinked": N_("The link is gone. Everybody else who was signed in as you is signed out."),
    "account-enable": N_("The account can sign in again, with the password it had."),
    "account-end-sessions": N_("Whoever used the account is signed out everywhere within two seconds."),
    "account-reset-second-factor": N_(
        "The second factor is taken away; the next sign-in needs the password alone."
    ),
    "account-unlink-provider": N_("The sign-in provider opens the account no more."),
    "dropped": N_("The list is dropped; nothing of it was imported."),
    "revoked": N_("The token is revoked: it opens nothing within two seconds."),
    "look": N_("The look is changed; members see it within seconds."),
}

REFUSALS: Mapping[Code, str] = {
    Code.IDEMPOTENCY_KEY_MISSING: N_("The form was incomplete. Open the page again and repeat."),
    Code.MALFORMED_REQUEST: N_("The form could not be read. Open the page again and repeat."),
    Code.MALFORMED_JSON: N_("The form could not be read. Open the page again and repeat."),
    Code.UNAUTHENTICATED: N_("Please sign in; your session has ended."),
    Code.BAD_CREDENTIALS: N_(
        "That did not match. Check what you typed and try again; if it still fails, the service centre can help."
    ),
    Code.SECOND_FACTOR_NEEDED: N_("Set up a second factor first, on the page of your account."),
    Code.CROSS_ORIGIN: N_("This form did not come from our own page. Open the page here and repeat."),
    Code.FORBIDDEN: N_("Your account may not do that. Ask your administrator if you need it."),
    Code.CARD_BLOCKED: N_("Your card is blocked. Ask at the service centre."),
    Code.NOT_ELIGIBLE: N_("This event is for the members of other unions; your card cannot book it."),
    Code.NOT_FOUND: N_("There is nothing here. Check the address or go back to the start."),
    Code.METHOD_NOT_ALLOWED: N_("That cannot be done here. Go back to the start."),
    Code.SALE_NOT_OPEN: N_("Booking has not opened yet. It opens %(opens_at)s."),
    Code.SALE_PAUSED: N_("Booking is paused. Please look again in a few minutes."),
    Code.SALE_CLOSED: N_("Booking is over."),
    Code.CARD_LIMIT_EXCEEDED: N_(
        "The limit is %(limit)s per card and %(used)s are yours already. Choose fewer."
    ),
    Code.SOLD_OUT: N_(
        "Not enough tickets are left: %(available)s. Choose fewer, or look again: held ones may come back."
    ),
    Code.HOLD_EXPIRED: N_(
        "The time to confirm is over and the tickets went back on sale. Book again while there are some."
    ),
    Code.HOLD_RELEASED: N_("You gave these tickets back. Book again while there are some."),
    Code.HOLD_CONFIRMED: N_("These tickets are confirmed already. You find them under “My tickets”."),
    Code.ALREADY_COLLECTED: N_("Already handed out: %(collected_at)s, desk %(desk)s, by %(clerk)s."),
    Code.CAPACITY_IN_USE: N_(
        "More tickets than that are sold or on hold. Tick the box to lower it all the same."
    ),
    Code.NOT_CANCELLABLE: N_(
        "This can no longer be changed: the time for it is over, or the tickets were collected."
    ),
    Code.PAYMENT_REQUIRED: N_("This has to be paid. Choose how."),
    Code.SHIFT_OPEN: N_("You have a shift open at this desk already. It is shown here; close it first."),
    Code.SHIFT_CLOSED: N_("This shift was closed before, with other counts. It is shown as it was closed."),
    Code.BODY_TOO_LARGE: N_("That is too much text. Shorten it and repeat."),
    Code.UNSUPPORTED_MEDIA_TYPE: N_("The form could not be read. Open the page again and repeat."),
    Code.INVALID: N_("Please check what you filled in."),
    Code.IDEMPOTENCY_KEY_REUSED: N_(
        "This form was sent before with another choice. Open the page again and choose anew."
    ),
    Code.RATE_LIMITED: N_("Too many tries. Wait %(seconds)s seconds, then try again."),
    Code.UNAVAILABLE: N_(
        "A part of the system does not answer. Wait a moment and repeat; nothing is done twice."
    ),
    Code.RECOVERING: N_(
        "This sale is being put right after a fault. Nothing is lost; please look again in a minute."
    ),
    Code.BACKLOG_FULL: N_(
        "So many tickets were booked that the books are behind. Please try again in a moment."
    ),
}

REFUSALS_AT_BOOKING: Mapping[Code, str] = {
    **REFUSALS,
    Code.INVALID: N_("Choose first how many tickets you want, then tap again."),
}
"""The same for a member with a booking form before them."""

REFUSALS_AT_DESK: Mapping[Code, str] = {
    **REFUSALS,
    Code.NOT_FOUND: N_("Nothing is known under that card or code. Swipe again, or type the code."),
    Code.CARD_BLOCKED: N_("This card is blocked or was replaced. Send the member to the service centre."),
    Code.NOT_ELIGIBLE: N_("This event is for the members of other unions; this card cannot buy it."),
    Code.CARD_LIMIT_EXCEEDED: N_("The limit is %(limit)s per card and this member has %(used)s already."),
    Code.HOLD_RELEASED: N_(
        "The member cancelled this sale before it was finished. Swipe again to see what is left."
    ),
    Code.NOT_CANCELLABLE: N_("A hand-over can be taken back for 60 seconds; that time is over."),
    Code.INVALID: N_("Tick at least one ticket, or check what was typed."),
}
"""The same for a clerk, who speaks for somebody else."""

REFUSAL_NAMES: Mapping[str, str] = {
    "sale_not_open": N_("Booking not open yet"),
    "sale_paused": N_("Booking paused"),
    "sale_closed": N_("Booking over"),
    "not_eligible": N_("Not for this union"),
    "card_limit_exceeded": N_("Card limit reached"),
    "sold_out": N_("Sold out"),
    "card_blocked": N_("Card blocked"),
    "rate_limited": N_("Too many requests"),
    "idempotency_key_reused": N_("Same form, other choice"),
    "backlog_full": N_("Books behind"),
    "recovering": N_("Being put right"),
}

FAULTS: Mapping[str, str] = {
    "is no address": N_("This is no address of a site."),
    "must begin with https://": N_("The address must begin with https://."),
    "an organisation has 20 endpoints at most": N_("An organisation has 20 webhooks at most."),
    "choose at least one": N_("Choose at least one."),
    "must be 1 to 730": N_("From 1 to 730 days."),
    "must have 1 to 100 characters": N_("A name has 1 to 100 characters."),
    "is required": N_("Please fill this in."),
    "time": N_("Please give a date and time."),
    "number": N_("Please give a whole number."),
    "price": N_("Please give a price such as 5 or 12.50."),
    "must be after opens_at": N_("This must be after the opening of the booking."),
    "must not be after collect_until": N_("This must not be after the end of collecting."),
    "must be after collect_until: nobody could have what goes back": N_(
        "Booking must close after the end of collecting: nobody could have what goes back."
    ),
    "is required: uncollected tickets go back then": N_("Say until when tickets are collected."),
    "is past: uncollected tickets would go back at once": N_("This is past: tickets would go back at once."),
    "cannot change: the end of collecting is past": N_("This is fixed: the end of collecting is past."),
    "another quota has this name and time": N_("Another quota has this name and time."),
    "add at least one before publishing": N_("Add at least one quota before you publish."),
    "cannot change: the sale has ended": N_("This cannot change any more: the sale has ended."),
    "cannot change: the sale has opened": N_("This cannot change any more: the sale has opened."),
    "cannot change once published": N_("This cannot change once the event is published."),
    "is 0": N_("There are no tickets."),
    "is larger than the number of tickets": N_("A card may take more than there are tickets."),
    "is not chosen yet": N_("Nothing is saved yet: choose from what was found, or empty the search."),
    "is empty": N_("Nothing is said. Members will ask."),
    "has no card": N_("No member of the unions that may book has a card."),
    "is now: it opens when it is published": N_("The booking opens as soon as you publish."),
    "is in less than five minutes": N_("The booking opens in less than five minutes."),
    "is at night": N_("The booking opens at night."),
    "is before the booking opens": N_("The event takes place before the booking opens."),
    "is before the event": N_("Collecting ends before the event takes place."),
    "is smaller than the subsidy planned": N_(
        "Once this is published, the subsidy planned is more than the campaign's budget."
    ),
    "is in another budget": N_("This event is in another budget. Take it out there first."),
    "is in another currency": N_("The tickets of this event are in another currency than the budget."),
    "is past": N_("This time is past already."),
    "must be before closes_at": N_("This must be before the end of the booking."),
    "has waves to come": N_("Tickets are planned for later times. Call those off first."),
    "has no lines": N_("There is nothing in the table."),
    "has no column for name": N_("No column is headed “Name”."),
    "has no column for capacity": N_("No column is headed “Tickets”."),
    "has more columns than are known": N_("There are more columns than expected. Put headings above them."),
    "must be at most 200": N_("An event has 200 quotas at most."),
    "must contain desk: there are priced tickets": N_(
        "Some of these cost something, and the event does not take payment at the desk."
    ),
    "must contain free: there are free tickets": N_(
        "Some of these are free, and the event has no free tickets so far."
    ),
    f"must be from the price to {PRICE_MAX}": N_("The price at the venue is not below the member's price."),
    f"must be from 0 to {SHARE_BACK_MINUTES_MAX}": N_("At most 10,080 minutes, which are seven days."),
    f"must be from 0 to {CAPACITY_MAX}": N_("A quota has a million tickets at most."),
    f"must be from 1 to {PER_CARD_LIMIT_MAX}": N_("A limit is from 1 to 1,000."),
    f"must be at most {NAME_CHARS_MAX} characters": N_("That is too long."),
    IS_SUSPENDED: N_("The venue is suspended: an event there cannot go on sale. Its page says why."),
    IS_REMOVED: N_(
        "The venue was removed from the programme: an event there cannot go on sale. Its page says why."
    ),
    "is no group of this organisation": N_("This series belongs to another organisation than the event."),
    "is over and archived": N_("This series is over; make another."),
    "cannot change: an event of the series was published": N_(
        "The limit is fixed: an event of this series was published. Its name may change."
    ),
    "is no venue of this organisation or one above it": N_("This venue is not in the organiser's registry."),
    "is already past": N_("The booking window is already past."),
    "must differ from the present PIN": N_("The new PIN must differ from the present one."),
    "is larger than 5 MB": N_("This picture is larger than 5 MB. Choose a smaller one."),
    "is no picture": N_("This file cannot be read as a picture. Choose a JPEG, PNG or WebP."),
    "has too many pixels": N_("This picture has more than 40 million pixels. Choose a smaller one."),
    "is longer than 30 characters": N_("A name has 30 characters at most."),
    "must be 6 to 32": N_("A card number has 6 to 32 digits."),
    "must be up to 10 plain characters": N_("At most 10 letters, digits or signs of a plain keyboard."),
    "must be from 0 to the capacity": N_("At most as many as the quota has can be kept for the desk."),
    "say why the counts differ": N_(
        "The counts differ from what is expected. Count again, or say why in the remark."
    ),
    "is taken": N_("This name is taken."),
    "must have 1 to 200 characters": N_("A name has 1 to 200 characters."),
    "must be 1 to 80 small letters, digits, dashes or underscores": N_(
        "An id has 1 to 80 small letters, digits, dashes or underscores."
    ),
    "lies too deep": N_("This organisation lies too deep in the tree to have others below it."),
    "must have 1 to 500 characters": N_("Give a reason, of at most 500 characters."),
    "must be 6 to 32 digits": N_("The card number must have 6 to 32 digits."),
    "belongs to a card already": N_("This number belongs to a card already."),
    "is the last administrator here": N_(
        "This is the last administrator who can sign in here. Make somebody else administrator first."
    ),
    "must be 1 to 60 letters, digits, dots, dashes, underscores or @": N_(
        "A name to sign in with has 1 to 60 letters, digits, dots, dashes, underscores or @, and no spaces."
    ),
    f"must be {PIN_RULE}": N_("The new PIN must have 4 to 12 digits."),
}


def fault_text(reason: str) -> str:
    """The sentence, still in English, for the reason of a wrong field."""
    return FAULTS.get(reason, REFUSALS[Code.INVALID])


def refusal_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a refusal with a value for every name that a sentence may use."""
    wait_ms = facts.get("retry_after_ms", 1_000)
    usual = {
        "available": 0,
        "limit": 0,
        "used": 0,
        "desk": "",
        "clerk": "",
        "opens_at": "",
        "collected_at": "",
    }
    return usual | {"seconds": max(1, -(-wait_ms // 1000))} | dict(facts)
