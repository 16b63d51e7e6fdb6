"""The programme's venues: the registry, and who is admitted, suspended or removed."""

from typing import Any

from msgspec import structs

from ticketing.api import schemas
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.views import instant
from ticketing.catalogue import tables
from ticketing.catalogue.venues import VenuePlan
from ticketing.errors import Code
from ticketing.services.event_access import READERS, WRITERS
from ticketing.services.venues import VERBS, VenueChanges, VenueFile

VENUES = "/api/v1/staff/venues"
VENUE = f"{VENUES}/{{venue_id}}"

calls = Calls()


@calls(
    Operation(
        method="GET",
        path=VENUES,
        summary="The venues that one's events may name",
        tag="staff",
        caller="staff",
        roles=READERS,
        gives=schemas.Venues,
    )
)
def list_venues(call: Call[None]) -> schemas.Venues:
    """Of one's organisation, those below it and those above."""
    return schemas.Venues([_view(venue) for venue in call.front.services.venues.all(call.caller)])


@calls(
    Operation(
        method="POST",
        path=VENUES,
        summary="Admit a venue to the programme",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.NewVenue,
        gives=schemas.VenueFile,
        status=201,
    )
)
def add_venue(call: Call[schemas.NewVenue]) -> schemas.VenueFile:
    """The reason goes into its history."""
    wish, registry = call.body, call.front.services.venues
    plan = VenuePlan(name=wish.name, contact=wish.contact, contract_number=wish.contract_number)
    return _file_view(
        registry.file(call.caller, registry.add(call.caller, plan, wish.organisation, wish.reason))
    )


@calls(
    Operation(
        method="GET",
        path=VENUE,
        summary="A venue with its history and its running sales",
        tag="staff",
        caller="staff",
        roles=READERS,
        gives=schemas.VenueFile,
        codes=(Code.NOT_FOUND,),
    )
)
def read_venue(call: Call[None]) -> schemas.VenueFile:
    """Sales of organisations out of reach are not among them."""
    return _file(call)


@calls(
    Operation(
        method="PATCH",
        path=VENUE,
        summary="Change what is written down of a venue",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.VenueChanges,
        gives=schemas.VenueFile,
        codes=(Code.NOT_FOUND,),
    )
)
def change_venue(call: Call[schemas.VenueChanges]) -> schemas.VenueFile:
    """What is not sent stays as it is."""
    fields = structs.asdict(call.body)
    reason = fields.pop("reason")
    call.front.services.venues.change(call.caller, call.path("venue_id"), VenueChanges(**fields), reason)
    return _file(call)


def _move(verb: str, summary: str) -> None:
    def move(call: Call[schemas.VenueMove]) -> schemas.VenueFile:
        call.front.services.venues.move(call.caller, call.path("venue_id"), verb, call.body.reason)
        return _file(call)

    calls(
        Operation(
            method="POST",
            path=f"{VENUE}/{verb}",
            summary=summary,
            tag="staff",
            caller="staff",
            roles=WRITERS,
            takes=schemas.VenueMove,
            gives=schemas.VenueFile,
            codes=(Code.NOT_FOUND,),
        )
    )(move)


_SUMMARIES = {
    "admit": "Admit a venue again",
    "suspend": "Suspend a venue: its events cannot go on sale",
    "remove": "Remove a venue from the programme",
}
for _verb in VERBS:
    _move(_verb, _SUMMARIES[_verb])


def _file(call: Call[Any]) -> schemas.VenueFile:
    return _file_view(call.front.services.venues.file(call.caller, call.path("venue_id")))


def _view(venue: tables.Venue) -> schemas.Venue:
    return schemas.Venue(**_fields(venue))


def _fields(venue: tables.Venue) -> dict[str, Any]:
    names = ("id", "name", "contact", "contract_number", "state", "state_reason")
    fields = {name: getattr(venue, name) for name in names}
    return fields | {"organisation": venue.organisation_id, "state_since": instant(venue.state_since)}


def _file_view(file: VenueFile) -> schemas.VenueFile:
    return schemas.VenueFile(
        **_fields(file.venue),
        history=[
            schemas.VenueAct(instant(act.at), act.actor, act.action, act.detail) for act in file.history
        ],
        running=[
            schemas.RunningSale(event.id, event.title, event.state, instant(event.closes_at))  # type: ignore[arg-type]
            for event in file.running
        ],
    )
