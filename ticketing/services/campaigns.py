"""Where a campaign begins: the draft of an event that was, or a template of its kind. It is edited like any other."""

from collections.abc import Mapping

from ticketing.catalogue import repository
from ticketing.catalogue.copies import Language, Template, copied, templates
from ticketing.catalogue.validation import AT_MS_MAX
from ticketing.clock import DAY_MS
from ticketing.database import Sessions, reading
from ticketing.errors import invalid
from ticketing.services import event_access
from ticketing.services.catalogue import CatalogueService
from ticketing.services.tokens import Claims

DAYS_MAX = 3_660


class CampaignService:
    """Makes drafts of what there is. Refusals are raised."""

    def __init__(self, sessions: Sessions, catalogue: CatalogueService) -> None:
        self._sessions = sessions
        self._catalogue = catalogue

    def templates(self, staff: Claims) -> Mapping[str, Template]:
        """Every template by name."""
        event_access.require_staff(staff)
        return templates()

    def from_template(
        self, staff: Claims, name: str, starts_at: int, language: Language, title: str = ""
    ) -> str:
        """A draft of this kind that starts then; its id. Raises `invalid` for a template that is not there."""
        template = templates().get(name)
        if template is None:
            raise invalid(("template", "is unknown"))
        if not 0 <= starts_at <= AT_MS_MAX:
            raise invalid(("starts_at", "must be a time from 1970 to 2100"))
        return self._catalogue.create_event(
            staff, template.draft(language, starts_at, title), f"template {name}"
        )

    def copy(self, staff: Claims, event_id: str, days: int, same_series: bool = False) -> str:
        """A draft like this event, whole days later, all its showings too; its id. No count comes along.

        Whoever may see the event may copy it if they may make events where it belongs.
        """
        event_access.require_writer(staff)
        if not -DAYS_MAX <= days <= DAYS_MAX:
            raise invalid(("days", f"must be from -{DAYS_MAX} to {DAYS_MAX}"))
        with reading(self._sessions) as session:
            plan = repository.plan_of(event_access.readable(session, staff, event_id))
        draft = copied(plan, days * DAY_MS, same_series=same_series)
        return self._catalogue.create_event(staff, draft, f"copy of {event_id}")
