"""Lists of cards that staff send over the pages: checked first, imported when somebody says so.

What was sent, and what was refused of it, is encrypted in SQL, for it holds card numbers and PINs: the list until it
is imported or dropped, the refused lines for a week. `import_work` does the work, in a process of its own.
"""

import secrets
from collections.abc import Iterator, Sequence

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticketing.clock import DAY_MS, ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.keyring import Keyring
from ticketing.members import imports
from ticketing.members.card_plan import Refused
from ticketing.members.tables import CardImport
from ticketing.services import trail
from ticketing.services.event_access import require_writer
from ticketing.services.tokens import Claims

UPLOAD_BYTES_MAX = 32 * 1024 * 1024
"""The largest list that is taken over the pages; a district's 182,850 lines are a third of it."""

TOO_LARGE = f"is larger than {UPLOAD_BYTES_MAX // 1024 // 1024} MB"
SHOWN_MAX = 50
REFUSALS_SHOWN_MAX = 1_000
KEPT_MS = 7 * DAY_MS

_PART_BYTES = 512 * 1024
_NONCE_BYTES = 12
_NAME_MAX = 200


class Parts:
    """Pieces of files as SQL keeps them: each encrypted for its own place."""

    def __init__(self, keyring: Keyring) -> None:
        self._cipher = AESGCM(keyring.upload)

    def seal(self, import_id: str, kind: str, place: int, content: bytes) -> bytes:
        """A piece, encrypted."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, _place_of(import_id, kind, place))

    def open(self, import_id: str, kind: str, place: int, sealed: bytes) -> bytes:
        """A piece as it was. Raises cryptography's `InvalidTag` for one that was changed or moved."""
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._cipher.decrypt(nonce, content, _place_of(import_id, kind, place))

    def read(self, sessions: Sessions, import_id: str, kind: str) -> Iterator[bytes]:
        """All pieces of a kind, one after the other."""
        with reading(sessions) as session:
            places = imports.places(session, import_id, kind)
        for place in places:
            with reading(sessions) as session:
                sealed = imports.part(session, import_id, kind, place)
            if sealed is not None:
                yield self.open(import_id, kind, place, sealed)


class ImportService:
    """What managers do with lists. Refusals: FORBIDDEN for other roles, NOT_FOUND for another branch's list."""

    def __init__(self, sessions: Sessions, keyring: Keyring, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._parts = Parts(keyring)

    def send(self, staff: Claims, file_name: str, content: bytes, *, check: bool = True) -> str:
        """Take a list; its id. It is only checked, unless `check` is false. INVALID names `file` if it cannot be."""
        require_writer(staff)
        if not content.strip():
            raise invalid(("file", "is empty"))
        if len(content) > UPLOAD_BYTES_MAX:
            raise invalid(("file", TOO_LARGE))
        import_id = secrets.token_urlsafe(9)
        self._begin(staff, import_id, _name(file_name), len(content))
        for place, start in enumerate(range(0, len(content), _PART_BYTES)):
            sealed = self._parts.seal(import_id, imports.SENT, place, content[start : start + _PART_BYTES])
            with self._sessions.begin() as session:
                imports.add_part(session, import_id, imports.SENT, place, sealed)
        with self._sessions.begin() as session:
            row = imports.get(session, import_id, staff.organisation_path, lock=True)
            assert row is not None, "its organisation is the one who sent it"
            imports.begin_anew(row, imports.CHECKING if check else imports.IMPORTING)
            facts = {"file": row.file_name, "bytes": row.file_bytes}
            trail.record(session, row.at, staff.actor, "import.send", f"import:{import_id}", facts)
        return import_id

    def latest(self, staff: Claims) -> Sequence[CardImport]:
        """The latest lists of the staff member's organisation and those under it."""
        require_writer(staff)
        with reading(self._sessions) as session:
            return imports.latest(session, staff.organisation_path, SHOWN_MAX)

    def get(self, staff: Claims, import_id: str) -> CardImport:
        """One of them."""
        require_writer(staff)
        with reading(self._sessions) as session:
            row = imports.get(session, import_id, staff.organisation_path)
        if row is None:
            raise Refusal(Code.NOT_FOUND)
        return row

    def start(self, staff: Claims, import_id: str) -> None:
        """Import a list that was checked. Once it has been started, saying so again changes nothing."""
        self._turn(staff, import_id, imports.IMPORTING, (imports.IMPORTING, imports.IMPORTED))

    def drop(self, staff: Claims, import_id: str) -> None:
        """Forget a list that was checked, or could not be read, with everything that was sent."""
        self._turn(staff, import_id, imports.DROPPED, (imports.DROPPED,))

    def refused(self, staff: Claims, import_id: str) -> Iterator[Refused]:
        """The refused lines as they were sent, which the trail notes; as far as they are kept."""
        row = self.get(staff, import_id)
        with self._sessions.begin() as session:
            now = self._clock.now_ms()
            trail.record(session, now, staff.actor, "import.read_refused", f"import:{row.id}", {})
        return self.refused_lines(row.id)

    def refused_lines(self, import_id: str) -> Iterator[Refused]:
        """The refused lines, for whoever may see them."""
        for part in self._parts.read(self._sessions, import_id, imports.REFUSED):
            yield from msgspec.json.decode(part, type=list[Refused])

    def _begin(self, staff: Claims, import_id: str, file_name: str, size: int) -> None:
        row = CardImport(
            id=import_id,
            organisation_id=staff.organisation_id,
            actor=staff.actor,
            file_name=file_name,
            file_bytes=size,
            at=self._clock.now_ms(),
            state=imports.SENDING,
        )
        with self._sessions.begin() as session:
            imports.add(session, row)

    def _turn(self, staff: Claims, import_id: str, state: str, already: tuple[str, ...]) -> None:
        require_writer(staff)
        with self._sessions.begin() as session:
            row = imports.get(session, import_id, staff.organisation_path, lock=True)
            if row is None:
                raise Refusal(Code.NOT_FOUND)
            if row.state in already:
                return
            if row.state != imports.CHECKED and (row.state, state) != (imports.FAILED, imports.DROPPED):
                raise invalid(("import", f"is {row.state}"))
            imports.remove_parts(session, import_id, imports.REFUSED)
            if state == imports.DROPPED:
                imports.remove_parts(session, import_id, imports.SENT)
                row.state = state
            else:
                imports.begin_anew(row, state)
            verb = "start" if state == imports.IMPORTING else "drop"
            trail.record(
                session, self._clock.now_ms(), staff.actor, f"import.{verb}", f"import:{import_id}", {}
            )


def _place_of(import_id: str, kind: str, place: int) -> bytes:
    return f"{import_id}/{kind}/{place}".encode()


def _name(file_name: str) -> str:
    """A file's name without its folders and control characters."""
    last = file_name.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:_NAME_MAX] or "–"
