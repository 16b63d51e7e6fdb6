"""Requests to the pages: what browsers send, and what they never would."""

import random
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from tests.fuzz.judge import Sent
from tests.fuzz.place import KEYS, Place, Visit
from tests.fuzz.values import odd_value

# name of a field in a form: the name that its value is known by
_FIELDS: Mapping[str, str] = {
    "key": "key", "method": "method", "next": "next", "card_number": "card_number", "pin": "pin", "ticket": "ticket",
    "new_pin": "new_pin", "username": "username", "password": "password", "reason": "reason", "quota": "quota_id",
    "quota_id": "quota_id", "pickup": "pickup_id", "paper": "desk", "capacity": "quantity",
    "withheld": "quantity", "quantity": "quantity", "swipe": "card_number", "desk": "desk",
    "opening_cash": "quantity", "counted_cash": "quantity", "counted_card": "quantity", "remark": "reason",
    "amount": "quantity", "note": "reason", "event": "event_id",
    "name": "desk", "price": "quantity", "title": "desk", "opens_at": "local", "closes_at": "local",
    "starts_at": "local", "eligible": "organisation", "eligible_q": "organisation",
    "eligible_sought": "organisation", "organiser": "organisation", "hold_minutes": "quantity",
    "per_card_limit": "quantity", "quotas": "quotas", "force": "force", "language": "language",
}  # fmt: skip
_PAGES = (
    "/", "/events/{event_id}", "/events/{event_id}/live", "/holds/{hold_id}", "/orders", "/orders/{order_id}",
    "/orders/{order_id}/print", "/orders/{order_id}/calendar.ics", "/orders/{order_id}/qr/1.svg", "/account/data",
    "/pictures/{key}/small", "/pictures/{key}/{key}", "/static/member.css", "/static/{key}", "/staff/look",
    "/staff/events/{event_id}/look", "/staff/events/{event_id}/poster", "/staff/events/{event_id}/poster.svg",
    "/orders/{order_id}/qr/99999999999999999999.svg", "/login", "/account", "/staff", "/staff/login",
    "/staff/login/provider", "/staff/login/provider/back?code={key}&state={key}",
    "/staff/events", "/staff/events/new", "/staff/events/{event_id}", "/staff/events/{event_id}/edit", "/desk",
    "/desk/conflicts", "/desk/conflicts?settled=yes",
    "/desk/till", "/desk/till/{pickup_id}", "/staff/till", "/desk/share",
    "/staff/series", "/staff/series/{organisation}",
    "/staff/templates", "/staff/events/{event_id}/preview", "/staff/events/{event_id}/copy",
    "/staff/events/{event_id}/quotas/table", "/staff/budgets", "/staff/budgets/{budget_id}",
)  # fmt: skip
_FORMS = (
    "/events/{event_id}/holds", "/holds/{hold_id}/confirm", "/holds/{hold_id}/release", "/orders/{order_id}/cancel",
    "/login", "/logout", "/account", "/account/logins", "/staff/logout", "/staff/events", "/staff/look",
    "/staff/events/{event_id}/look", "/staff/events/{event_id}/edit", "/staff/events/new/organisations",
    "/staff/events/{event_id}/edit/organisations",
    "/staff/events/{event_id}/capacity", "/staff/events/{event_id}/share",
    "/staff/events/{event_id}/quotas", "/staff/events/{event_id}/pause",
    "/staff/events/{event_id}/resume", "/staff/events/{event_id}/odd", "/desk", "/desk/pickups",
    "/desk/pickups/{pickup_id}/undo", "/desk/sales/{order_id}/settle", "/desk/sales", "/desk/setup", "/desk/pin",
    "/desk/till", "/desk/till/{pickup_id}/close", "/desk/share", "/desk/conflicts/{quantity}/settle", "/desk/prints",
    "/staff/series", "/staff/series/{organisation}", "/staff/series/{organisation}/events",
    "/staff/series/{organisation}/events/{event_id}/take-out",
    "/staff/templates", "/staff/events/{event_id}/copy", "/staff/events/{event_id}/quotas/table",
    "/staff/events/{event_id}/raise", "/staff/events/{event_id}/postpone",
    "/staff/events/{event_id}/waves/{key}/cancel", "/staff/budgets", "/staff/budgets/{budget_id}",
    "/staff/budgets/{budget_id}/events", "/staff/budgets/{budget_id}/events/{event_id}/take-out",
    "/staff/account/provider", "/staff/account/provider/remove",
)  # fmt: skip
_QUERIES = (
    "lang=en",
    "lang=zz",
    "was=open",
    "was=%00",
    "was=&was=%ff",
    "next=//evil.example",
    "next=%0d%0ax",
    "done=x",
    "cursor=%00",
    "cursor=MTIz",
    "first=2026-02-30",
    "first=0001-01-01&last=9999-12-31",
    "first=2026-05-02&last=2026-05-01",
)
_LOCAL_TIMES = (
    "2026-01-01T08:00",
    "2036-01-01T08:00",
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    "2026-02-30T00:00",
)


def page_request(place: Place, dice: random.Random) -> Sent:
    """A page that is looked at, or a form that is sent."""
    is_form = dice.random() < 0.7
    template = dice.choice(_FORMS if is_form else _PAGES)
    visit = Visit(place, _like(template), "POST", dice)
    known = visit.known

    def filled(found: re.Match[str]) -> str:
        value = known(found[1]) if dice.random() < 0.85 else odd_value(dice)
        return quote(str(value)[:500], safe="", errors="replace") or "x"

    target = re.sub(r"\{(\w+)\}", filled, template)
    if dice.random() < 0.3:
        target += f"?{dice.choice(_QUERIES)}"
    body = _form(template, known, dice) if is_form else b""
    kind, method = ("form", "POST") if is_form else ("page", "GET")
    return _sent(kind, method, target, body, visit, dice)


def _like(template: str) -> str:
    """The JSON call that does what a page does, as far as sessions and victims are concerned."""
    if template.startswith(("/logout", "/staff/logout", "/account")):
        return "/api/v1/me/pin"
    return f"/api/v1{template}"


def _form(template: str, known: Any, dice: random.Random) -> bytes:
    names = dice.sample(sorted(_FIELDS), dice.randint(0, len(_FIELDS)))
    fields = [(name, str(_value(_FIELDS[name], known, dice))) for name in names]
    if template.endswith("/holds"):
        fields.append((f"q.{known('quota_id')}", dice.choice(("1", "2", "x", "-1", "999999999999"))))
    if dice.random() < 0.2:
        fields += dice.choices([*fields, ("x", "")], k=dice.choice((1, 5, 1_100)))
    body = urlencode(fields, errors="surrogatepass").encode()
    if dice.random() < 0.15:
        body += dice.choice(
            (b"&x=%ff", b"&=&&=", b"&x=%00", b"&" * 3_000, b"x" * 70_000, b"&title=%0a%0d", b"\xff")
        )
    return body


def _value(name: str, known: Any, dice: random.Random) -> Any:
    if dice.random() < 0.25:
        return odd_value(dice)
    if name == "key":
        return dice.choice(KEYS)
    if name == "local":
        return dice.choice(_LOCAL_TIMES)
    if name == "ticket":
        return f"{known('order_id')} {known('code')}"
    if name == "quotas":
        return "A\t100\t5\nB,20,0"
    return known(name) or dice.choice(("x", "1", "free", "/orders", "yes"))


def _sent(kind: str, method: str, target: str, body: bytes, visit: Visit, dice: random.Random) -> Sent:
    role = "member" if target.startswith(("/events", "/holds", "/orders", "/log", "/account")) else "staff"
    call = {"security": [{f"{role}_cookie": []}], "description": ""}
    found = visit.authorization(call).get("authorization", "").removeprefix("Bearer ")
    site = dice.choice((*("same-origin",) * 6, "cross-site", "\xff"))
    head = [
        f"{method} {target} HTTP/1.1", "host: 127.0.0.1", f"sec-fetch-site: {site}", "accept: text/html",
        f"cookie: member_session={found}; staff_session={found}; language={dice.choice(('en', 'zh_CN', 'x'))}",
    ]  # fmt: skip
    if method == "POST":
        media_type = (
            "application/x-www-form-urlencoded" if dice.random() < 0.95 else "multipart/form-data; boundary=x"
        )
        head += [f"content-type: {media_type}", f"content-length: {len(body)}"]
    return Sent(kind, method, target, "\r\n".join([*head, "", ""]).encode("latin-1") + body)
