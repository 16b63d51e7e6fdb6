"""Who may book an event: organisations searched for and ticked in its form, which keeps all else that was typed.

A tree may have thousands of workplaces, so none is looked for in a list. It needs no script: a button sends the whole
form, which comes back with what was found. With htmx only that part comes back, while one types.
"""

from typing import Any

from ticketing.api.pages.drafts import ELIGIBLE
from ticketing.api.pages.forms import Form
from ticketing.api.pages.site import Site
from ticketing.catalogue.tables import Event
from ticketing.services.tokens import Claims

SOUGHT_CHARS_MAX = 100
_TYPED, _ANSWERED = "eligible_q", "eligible_sought"


def holds_back(form: Form) -> bool:
    """Whether something to search for was typed and not answered yet: then the form is not saved, and says so.

    Whoever presses Enter there wants to search; and who forgot to choose would open the event to everybody.
    """
    typed = form.text(_TYPED)
    if typed in ("", form.text(_ANSWERED)):
        return False
    form.faults[_TYPED] = "is not chosen yet"
    return True


def context(site: Site, staff: Claims, form: Form, event: Event | None) -> dict[str, Any]:
    """What the form's part on organisations shows."""
    sought, chosen = form.text(_TYPED)[:SOUGHT_CHARS_MAX], set(filter(None, form.all(ELIGIBLE)))
    known = (event.eligible_organisations if event else None) or ()
    return {"picked": site.services.organisations.pick(staff, sought, chosen, known), "sought": sought}
