"""The tree of organisations as staff walk through it: a node, what is below it, how many members and cards it has.

Counts are taken from the rows when somebody looks, of a node and all below it, so they are never stale. A node keeps
its place: sessions carry its path, so members move from one to another, and a node does not.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, in_pieces, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.members.tables import ACTIVE, REPLACED, Card, Member, Organisation
from ticketing.services import trail
from ticketing.services.event_access import require_staff, require_writer
from ticketing.services.staff import NAME_MAX
from ticketing.services.tokens import Claims

PAGE_NODES = 100
FOUND_MAX = 100
PICKED_MAX = 20
"""How many organisations are offered at a time to choose from."""


class Count(Struct, frozen=True):
    """How many members there are, and how many of their present cards may and may not be used."""

    members: int = 0
    active: int = 0
    blocked: int = 0

    def plus(self, other: "Count") -> "Count":
        """Both together."""
        return Count(self.members + other.members, self.active + other.active, self.blocked + other.blocked)


class Node(Struct, frozen=True):
    """An organisation with all below it."""

    id: str
    name: str
    kind: str
    parent_id: str | None
    count: Count


class Place(Struct, frozen=True):
    """A node, what is above it as far as the staff member reaches, and a page of what hangs directly below it."""

    node: Node
    above: Sequence[Organisation]
    below: Sequence[Node]
    more: int
    """How many nodes directly below come after this page."""


class Choice(Struct, frozen=True):
    """An organisation to choose, or chosen; `members` counts all below it too, None where staff do not reach it."""

    id: str
    name: str
    above: str
    """The name of the organisation it belongs to, as far as staff reach."""
    members: int | None


class Picked(Struct, frozen=True):
    """Organisations that are chosen, others that may be, and whether more than these were found."""

    chosen: Sequence[Choice]
    offered: Sequence[Choice]
    more: bool


class OrganisationService:
    """Reads and renames organisations. NOT_FOUND for what is out of reach, FORBIDDEN for a role that may not."""

    def __init__(self, sessions: Sessions, clock: ServerClock) -> None:
        self._sessions = sessions
        self._clock = clock

    def place(self, staff: Claims, organisation_id: str | None = None, page: int = 1) -> Place:
        """An organisation, the staff member's own unless one is named, with page `page` of those directly below it."""
        with reading(self._sessions) as session:
            node = self._within_reach(session, staff, organisation_id or staff.organisation_id)
            children = _children(session, node.id)
            counts = _with_all_below(_counts(session, node.path))
            parents = [members.organisation_of(session, one) for one in node.path.split(".")[:-1]]
        first = max(0, page - 1) * PAGE_NODES
        shown = children[first : first + PAGE_NODES]
        return Place(
            node=_node(node, counts.get(node.path, Count())),
            above=[one for one in parents if staff.covers(one.path)],
            below=[_node(child, counts.get(child.path, Count())) for child in shown],
            more=max(0, len(children) - first - len(shown)),
        )

    def find(self, staff: Claims, sought: str) -> Sequence[Organisation]:
        """Organisations within reach whose name contains `sought` or whose id it is."""
        require_staff(staff)
        query = select(Organisation).where(
            members.at_or_below(staff.organisation_path), _called(sought.strip())
        )
        with reading(self._sessions) as session:
            return session.scalars(query.order_by(Organisation.path).limit(FOUND_MAX)).all()

    def pick(
        self, staff: Claims, sought: str, chosen: Collection[str], known: Collection[str] = ()
    ) -> Picked:
        """Organisations within reach whose name contains `sought` or whose id it is; without, one's own and the next.

        Of those `chosen`, what is out of reach is told only when it is among the `known`, and then by its name alone.
        """
        require_staff(staff)
        own, text = staff.organisation_path, sought.strip()
        near = or_(Organisation.path == own, Organisation.parent_id == staff.organisation_id)
        told = and_(Organisation.id.in_(chosen), or_(members.at_or_below(own), Organisation.id.in_(known)))
        free = and_(members.at_or_below(own), _called(text) if text else near, Organisation.id.not_in(chosen))
        with reading(self._sessions) as session:
            taken = session.scalars(_ordered().where(told)).all()
            found = session.scalars(_ordered().where(free).limit(PICKED_MAX + 1)).all()
            shown = [*taken, *found[:PICKED_MAX]]
            inside = [one.parent_id for one in shown if one.parent_id and staff.covers(_path_above(one))]
            above = members.organisation_names(session, inside)
            counts = _members_below(session, [one.path for one in shown if staff.covers(one.path)])
        told_of = {one.id: _choice(one, above, counts) for one in shown}
        return Picked(
            chosen=[told_of[one.id] for one in taken],
            offered=[told_of[one.id] for one in found[:PICKED_MAX]],
            more=len(found) > PICKED_MAX,
        )

    def require(self, staff: Claims, organisation_id: str) -> Organisation:
        """An organisation within reach."""
        with reading(self._sessions) as session:
            return self._within_reach(session, staff, organisation_id)

    def rename(self, staff: Claims, organisation_id: str, name: str) -> Organisation:
        """Give an organisation another name; sessions show the old one until they end."""
        require_writer(staff)
        name = name.strip()
        if not 0 < len(name) <= NAME_MAX:
            raise invalid(("name", f"must have 1 to {NAME_MAX} characters"))
        with self._sessions.begin() as session:
            node = self._within_reach(session, staff, organisation_id)
            if node.name != name:
                facts = {"before": node.name, "after": name}
                node.name = name
                subject = f"organisation:{node.id}"
                trail.record(
                    session, self._clock.now_ms(), staff.actor, "organisation.rename", subject, facts
                )
        return node

    @staticmethod
    def _within_reach(session: Session, staff: Claims, organisation_id: str) -> Organisation:
        require_staff(staff)
        node = members.organisation(session, organisation_id)
        if node is None or not staff.covers(node.path):
            raise Refusal(Code.NOT_FOUND)
        return node


_Counts = dict[str, Count]


def _children(session: Session, parent_id: str) -> Sequence[Organisation]:
    query = select(Organisation).where(Organisation.parent_id == parent_id)
    return session.scalars(query.order_by(Organisation.name, Organisation.id)).all()


def _counts(session: Session, below: str) -> _Counts:
    """By the path of each organisation that has members itself."""
    active = func.sum(case((Card.status == ACTIVE, 1), else_=0))
    cards = (
        select(Organisation.path, active, func.count(Card.id))
        .join(Member, Member.organisation_id == Organisation.id)
        .join(Card, Card.member_id == Member.id)
        .where(members.at_or_below(below), Card.status != REPLACED, Member.name != "")
        .group_by(Organisation.path)
    )
    held = {path: (good, all_) for path, good, all_ in session.execute(cards)}
    found: _Counts = {}
    for path, people in session.execute(_people(members.at_or_below(below))):
        good, all_ = held.get(path, (0, 0))
        found[path] = Count(people, good, all_ - good)
    return found


def _people(where: ColumnElement[bool]) -> Select[str, int]:
    """How many members each organisation has itself, by its path."""
    query = select(Organisation.path, func.count(Member.id))
    query = query.join(Member, Member.organisation_id == Organisation.id)
    return query.where(where, Member.name != "").group_by(Organisation.path)  # who was erased has no name


def _members_below(session: Session, paths: Sequence[str]) -> dict[str, int]:
    """How many members each of these organisations has with all below it."""
    found = dict.fromkeys(paths, 0)
    for piece in in_pieces(paths, PICKED_MAX):  # SQLite takes no condition of a thousand parts
        for path, people in session.execute(_people(or_(*map(members.at_or_below, piece)))):
            for above in piece:
                if members.is_at_or_below(path, above):
                    found[above] += people
    return found


def _path_above(one: Organisation) -> str:
    return one.path.rpartition(".")[0]


def _choice(one: Organisation, above: Mapping[str, str], counts: Mapping[str, int]) -> Choice:
    return Choice(one.id, one.name, above.get(one.parent_id or "", ""), counts.get(one.path))


def _with_all_below(counts: _Counts) -> _Counts:
    """The same, each with what is below it; organisations that have members only below them are there too."""
    found: _Counts = defaultdict(Count)
    for path, count in counts.items():
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            above = ".".join(parts[:depth])
            found[above] = found[above].plus(count)
    return found


def _node(organisation: Organisation, count: Count) -> Node:
    return Node(organisation.id, organisation.name, organisation.kind, organisation.parent_id, count)


def _ordered() -> Select[Organisation]:
    return select(Organisation).order_by(Organisation.path)


def _called(text: str) -> ColumnElement[bool]:
    return or_(Organisation.name.icontains(text, autoescape=True), Organisation.id == text)
