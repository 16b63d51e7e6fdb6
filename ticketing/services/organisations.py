"""The tree of organisations as staff walk through it: a node, what is below it, how many members and cards it has.

Counts are taken from the rows when somebody looks, of a node and all below it, so they are never stale. A node keeps
its place: sessions carry its path, so members move from one to another, and a node does not.
"""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from ticketing.clock import ServerClock
from ticketing.database import Sessions, reading
from ticketing.errors import Code, Refusal, invalid
from ticketing.members import repository as members
from ticketing.members.tables import ACTIVE, REPLACED, Card, Member, Organisation
from ticketing.services import trail
from ticketing.services.event_access import require_staff, require_writer
from ticketing.services.staff import NAME_MAX
from ticketing.services.tokens import Claims

PAGE_NODES = 100
FOUND_MAX = 100


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
        text = sought.strip()
        named = or_(Organisation.name.contains(text, autoescape=True), Organisation.id == text)
        query = select(Organisation).where(members.at_or_below(staff.organisation_path), named)
        with reading(self._sessions) as session:
            return session.scalars(query.order_by(Organisation.path).limit(FOUND_MAX)).all()

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
    there = (
        select(Organisation.path, func.count(Member.id))
        .join(Member, Member.organisation_id == Organisation.id)
        .where(members.at_or_below(below), Member.name != "")  # who was erased has none
        .group_by(Organisation.path)
    )
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
    for path, people in session.execute(there):
        good, all_ = held.get(path, (0, 0))
        found[path] = Count(people, good, all_ - good)
    return found


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
