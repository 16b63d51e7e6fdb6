"""Pictures of events; and for staff: how an event and an organisation look, and a poster to hang up."""

from functools import lru_cache

from starlette.concurrency import run_in_threadpool as in_thread
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.pages.codes import qr_svg
from ticketing.api.pages.forms import Form
from ticketing.api.pages.rendering import HEADERS, redirect
from ticketing.api.pages.site import site_of
from ticketing.api.pages.statics import IMMUTABLE
from ticketing.api.pages.uploads import read_upload
from ticketing.catalogue.looks import COLOURS
from ticketing.errors import Code, Refusal
from ticketing.services.images import UPLOAD_BYTES_MAX
from ticketing.services.looks import LookService

_PICTURES_KEPT = 64
_TYPES = {"small": "image/webp", "large": "image/jpeg"}


async def show_picture(request: Request) -> Response:
    """A picture in one of its sizes; its address names its content, so browsers keep it."""
    site = site_of(request)
    size = request.path_params["size"]
    if size not in _TYPES:
        raise Refusal(Code.NOT_FOUND)
    content = await in_thread(_picture, site.services.looks, request.path_params["picture_id"], size)
    headers = {**HEADERS, "Cache-Control": IMMUTABLE}
    return Response(content, media_type=_TYPES[size], headers=headers)


@lru_cache(maxsize=_PICTURES_KEPT)
def _picture(service: LookService, picture_id: str, size: str) -> bytes:
    content = service.picture(picture_id, size)
    if content is None:  # raised, not returned: nothing is remembered of an address that somebody made up
        raise Refusal(Code.NOT_FOUND)
    return content


async def show_event_look(request: Request) -> Response:
    """The form for an event's picture and colour."""
    return await _event_look(request)


async def _event_look(
    request: Request, refusal: Refusal | None = None, colour: str | None = None
) -> Response:
    site, event_id = site_of(request), request.path_params["event_id"]
    staff = site.require(request, "staff", f"/staff/events/{event_id}/look")
    event = await in_thread(site.services.catalogue.event, staff, event_id)
    look = await in_thread(site.services.looks.of_event, staff, event_id)
    shown = {"event": event, "look": look, "chosen": look.colour if colour is None else colour}
    return site.page(
        request,
        "staff/event_look.html",
        refusal=refusal,
        who=staff,
        path=f"/staff/events/{event_id}/look",
        colours=COLOURS,
        faults=site.faults(request, refusal),
        **shown,
    )


async def set_event_look(request: Request) -> Response:
    """Take the picture and the colour."""
    site, event_id = site_of(request), request.path_params["event_id"]
    staff = site.require(request, "staff", f"/staff/events/{event_id}/look")
    form, upload = await read_upload(request, "picture", UPLOAD_BYTES_MAX)
    try:
        await in_thread(
            lambda: site.services.looks.set_event(
                staff, event_id, form.text("colour"), upload, bare=bool(form.text("bare"))
            )
        )
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _event_look(request, refusal, form.text("colour"))
    await site.front.looks.refresh()
    return redirect(f"/staff/events/{event_id}/look?done=look")


async def show_organisation_look(request: Request) -> Response:
    """The form for name, colour and picture of one's own organisation's pages."""
    return await _organisation_look(request)


async def _organisation_look(
    request: Request, refusal: Refusal | None = None, form: Form | None = None
) -> Response:
    site = site_of(request)
    staff = site.require(request, "staff", "/staff/look")
    look = await in_thread(site.services.looks.of_organisation, staff)
    return site.page(
        request,
        "staff/organisation_look.html",
        refusal=refusal,
        who=staff,
        path="/staff/look",
        colours=COLOURS,
        faults=site.faults(request, refusal),
        look=look,
        chosen=form.text("colour") if form else look.colour,
        name=form.text("name") if form else look.name,
    )


async def set_organisation_look(request: Request) -> Response:
    """Take the name, the colour and the picture."""
    site = site_of(request)
    staff = site.require(request, "staff", "/staff/look")
    form, upload = await read_upload(request, "picture", UPLOAD_BYTES_MAX)
    try:
        await in_thread(
            lambda: site.services.looks.set_organisation(
                staff, form.text("name"), form.text("colour"), upload, bare=bool(form.text("bare"))
            )
        )
    except Refusal as refusal:
        if refusal.code is not Code.INVALID:
            raise
        return await _organisation_look(request, refusal, form)
    await site.front.looks.refresh()
    return redirect("/staff/look?done=look")


async def show_poster(request: Request) -> Response:
    """A page to print and hang up: the event and a QR code that opens it."""
    site, event_id = site_of(request), request.path_params["event_id"]
    path = f"/staff/events/{event_id}/poster"
    staff = site.require(request, "staff", path)
    await in_thread(site.services.catalogue.event, staff, event_id)
    event = await site.event(event_id)
    if event is None:  # a draft has no page that a code could open
        raise Refusal(Code.NOT_FOUND)
    look = site.front.looks.of_event(event.id, event.organisation)
    address = f"{site.url(request)}/events/{event_id}"
    return site.page(
        request, "staff/poster.html", who=staff, path=path, event=event, look=look, address=address
    )


async def show_poster_code(request: Request) -> Response:
    """The QR code of an event's address."""
    site, event_id = site_of(request), request.path_params["event_id"]
    if await site.event(event_id) is None:
        raise Refusal(Code.NOT_FOUND)
    picture = qr_svg(f"{site.url(request)}/events/{event_id}", error="q", scale=8)
    return Response(picture, media_type="image/svg+xml", headers=dict(HEADERS))
