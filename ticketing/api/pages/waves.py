"""Acts of staff on a quota's stock: more tickets now and at set times, and calling a release off."""

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.forms import Form, read_form
from ticketing.api.pages.rendering import redirect
from ticketing.api.pages.site import site_of
from ticketing.api.pages.staff import WAVE_ROWS, refused
from ticketing.errors import Code, Refusal
from ticketing.services.waves import WavePlan


async def raise_quota(request: Request) -> Response:
    """Give a quota more tickets; the form's key makes a second tap the same act."""
    site, event_id = site_of(request), request.path_params["event_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"/staff/events/{event_id}")
    now, later = form.count("now") or 0, _plans(form)
    quota_id, reason = form.text("quota_id"), form.text("reason", required=True)
    raised = site.services.waves.raise_quota
    try:
        form.refuse_faults()
        if quota_id.rpartition("-")[0] != event_id:
            raise Refusal(Code.NOT_FOUND)
        await in_thread(raised, staff, form.key(), quota_id, now, later, reason)
    except Refusal as refusal:
        return await refused(request, refusal, form)
    return redirect(f"/staff/events/{event_id}?done=raised")


def _plans(form: Form) -> list[WavePlan]:
    """The lines that say something; half a line is a fault."""
    plans = []
    for row in range(WAVE_ROWS):
        at, quantity = f"wave.{row}.at", f"wave.{row}.quantity"
        if form.text(at) or form.text(quantity):
            plan = form.time(at, required=True), form.count(quantity, required=True)
            plans.append(WavePlan(plan[0] or 0, plan[1] or 0))
    return plans


async def cancel(request: Request) -> Response:
    """Call a wave off before its time."""
    site, event_id = site_of(request), request.path_params["event_id"]
    form = await read_form(request)
    staff = site.require(request, "staff", f"/staff/events/{event_id}")
    act, wave_id = site.services.waves.cancel, request.path_params["wave_id"]
    try:
        await in_thread(act, staff, event_id, wave_id, form.text("reason"))
    except Refusal as refusal:
        return await refused(request, refusal, form)
    return redirect(f"/staff/events/{event_id}?done=wave-off")
