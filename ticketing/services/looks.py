"""Operators set how pages look: name, colour and picture of their organisation, colour and picture of an event."""

from hashlib import sha256

from sqlalchemy.orm import Session

from ticketing.catalogue import looks as rows
from ticketing.catalogue.looks import COLOURS, EVENT, ORGANISATION, Looks
from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.services import event_access, trail
from ticketing.services.images import Pictures, pictures_of
from ticketing.services.tokens import Claims

NAME_LENGTH_MAX = 30


class LookService:
    """Looks of what a staff member may change. Refusals are raised."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def all(self) -> tuple[dict[str, Looks], list[str]]:
        """Every look by its subject, and the organisations at the top of the tree."""
        with reading(self._sessions) as session:
            return rows.all_looks(session), members.root_ids(session)

    def picture(self, picture_id: str, size: str) -> bytes | None:
        """A picture's file in `small` or `large`; None when there is none."""
        with reading(self._sessions) as session:
            return rows.picture_bytes(session, picture_id, size)

    def of_event(self, staff: Claims, event_id: str) -> Looks:
        """The look of an event that the staff member may see."""
        with reading(self._sessions) as session:
            event_access.readable(session, staff, event_id)
            return rows.look_of(session, f"{EVENT}:{event_id}")

    def of_organisation(self, staff: Claims) -> Looks:
        """The look of the staff member's own organisation."""
        event_access.require_staff(staff)
        with reading(self._sessions) as session:
            return rows.look_of(session, f"{ORGANISATION}:{staff.organisation_id}")

    def set_event(
        self, staff: Claims, event_id: str, colour: str, upload: bytes | None, *, bare: bool
    ) -> Looks:
        """Set an event's colour and, with an `upload`, its picture; `bare` takes the picture away."""
        pictures = pictures_of(upload) if upload else None
        with self._sessions.begin() as session:
            event_access.writable(session, staff, event_id)
            subject = f"{EVENT}:{event_id}"
            kept = self._picture_of(session, subject, pictures, bare)
            return self._set(session, staff, subject, Looks("", _colour(colour), kept))

    def set_organisation(
        self, staff: Claims, name: str, colour: str, upload: bytes | None = None, *, bare: bool = False
    ) -> Looks:
        """Set name, colour and, as for an event, the picture of the pages of the staff member's organisation."""
        event_access.require_writer(staff)
        name, pictures = name.strip(), pictures_of(upload) if upload else None
        if len(name) > NAME_LENGTH_MAX:
            raise invalid(("name", f"is longer than {NAME_LENGTH_MAX} characters"))
        with self._sessions.begin() as session:
            if members.organisation(session, staff.organisation_id) is None:
                raise Refusal(Code.NOT_FOUND)
            subject = f"{ORGANISATION}:{staff.organisation_id}"
            kept = self._picture_of(session, subject, pictures, bare)
            return self._set(session, staff, subject, Looks(name, _colour(colour), kept))

    def _picture_of(
        self, session: Session, subject: str, pictures: Pictures | None, bare: bool
    ) -> str | None:
        """The picture a look shall have: the new one, or the one before unless it is taken away."""
        if pictures is None:
            return None if bare else rows.look_of(session, subject).picture
        picture_id = sha256(pictures.small).hexdigest()[:20]
        sizes = {"small": pictures.small, "large": pictures.large}
        rows.add_picture(session, picture_id, sizes, self._clock.now_ms())
        return picture_id

    def _set(self, session: Session, staff: Claims, subject: str, looks: Looks) -> Looks:
        now = self._clock.now_ms()
        rows.set_look(session, subject, looks, now)
        detail = {"name": looks.name, "colour": looks.colour, "picture": looks.picture}
        trail.record(session, now, staff.actor, f"{subject.partition(':')[0]}.look", subject, detail)
        return looks


def _colour(colour: str) -> str:
    if colour and colour not in COLOURS:
        raise invalid(("colour", "is unknown"))
    return colour
