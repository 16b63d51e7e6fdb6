"""What staff send and see of the programme's venues."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from ticketing.api.schemas.base import NO_CONTROLS, Answer, Id, Line, Note, OptionalLine, Reason, Request

ContractNumber = Annotated[str, Meta(max_length=100, pattern=NO_CONTROLS)]


class NewVenue(Request):
    """A venue to admit. Without `organisation` it is kept by the staff's own."""

    name: Line
    contact: OptionalLine = ""
    contract_number: ContractNumber = ""
    organisation: Id | None = None
    reason: Note = ""


class VenueChanges(Request):
    """What is written down of a venue; an absent field stays as it is."""

    name: Line | UnsetType = UNSET
    contact: OptionalLine | UnsetType = UNSET
    contract_number: ContractNumber | UnsetType = UNSET
    reason: Note = ""


class VenueMove(Request):
    """Why a venue is admitted, suspended or removed."""

    reason: Reason


class Venue(Answer):
    """A venue, and since when and why it is in this state of the programme."""

    id: str
    organisation: str
    name: str
    contact: str
    contract_number: str
    state: Literal["admitted", "suspended", "removed"]
    state_reason: str
    state_since: datetime


class VenueAct(Answer):
    """A row of a venue's history."""

    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]


class RunningSale(Answer):
    """An event at a venue whose sale runs or is still to open."""

    event_id: str
    title: str
    state: Literal["published", "paused"]
    closes_at: datetime


class VenueFile(Venue):
    """A venue with its history, newest first, and the running sales that staff may pause."""

    history: list[VenueAct]
    running: list[RunningSale]


class Venues(Answer):
    """The venues that the staff's events may name, by name."""

    venues: list[Venue]
