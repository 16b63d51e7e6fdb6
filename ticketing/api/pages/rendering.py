"""Templates in both languages, and the headers that every page carries."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ticketing.api import schemas
from ticketing.api.auth import Headers
from ticketing.api.pages import (
    acts,
    event_words,
    integration_words,
    languages,
    member_words,
    names,
    report_words,
    sign_on_words,
)
from ticketing.api.pages.formats import Formats, duration, grouped, milliseconds, write_form_time
from ticketing.api.pages.languages import Language
from ticketing.api.pages.statics import StaticFiles
from ticketing.errors import Code, Refusal
from ticketing.resources import package_files
from ticketing.services.desk import DESK_ROLES
from ticketing.services.event_access import READERS, WRITERS

SHEET = (package_files("web") / "static" / "member.css").read_text().strip()
"""The style sheet of members' pages. Whoever comes without it gets it inside the page, which saves a slow network one
way to and fro before anything shows; the policy names its hash."""

SHEET_HASH = base64.b64encode(hashlib.sha256(SHEET.encode()).digest()).decode()
SHEET_COOKIE = "sheet"

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'self' 'sha256-{SHEET_HASH}'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""`data:` is for the small arrows inside Pico's style sheet; no page has a style or script of its own inside."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


_READERS_KEPT = 4_096


class Reader(NamedTuple):
    """What a page that is the same for many depends on: the reader's language, and whether they have the sheet."""

    language: str
    has_sheet: bool


class Renderer:
    """Makes pages of templates, in the language of the request."""

    def __init__(self, web: Path) -> None:
        self.languages = languages.load_languages(web)
        self.statics = StaticFiles(web / "static")
        self._reader = lru_cache(maxsize=_READERS_KEPT)(self._read)
        self._environments = {code: self._environment(web, code) for code in self.languages}

    def reader(self, headers: Headers) -> Reader:
        """Who reads, from the headers alone."""
        return self._reader(headers.get(b"cookie", b""), headers.get(b"accept-language", b""))

    def language(self, request: Request) -> Language:
        """The language of a request."""
        return languages.choose(request, self.languages)

    def template(self, language: str, name: str) -> Template:
        """A template as one language shows it. Raises Jinja's errors for one that is wrong."""
        return self._environments[language].get_template(name)

    def page(
        self, request: Request, template: str, *, status: int = 200, path: str | None = None, **context: Any
    ) -> HTMLResponse:
        """A page. `path` is where a GET shows it again, when that is not where the request went."""
        language = self.language(request)
        sheet = None if has_sheet(request) else Markup(SHEET)  # noqa: S704 - our own file
        text = self.text(language, template, path=path or request.url.path, sheet=sheet, **context)
        response = HTMLResponse(text, status, headers=dict(HEADERS))
        if sheet and "<style>" in text:
            give_sheet(response)
        if request.query_params.get("lang") == language.code:
            remember(response, language)
        return response

    def text(self, language: Language, template: str, **context: Any) -> str:
        """A template in one language."""
        other = next(known for known in self.languages.values() if known is not language)
        return self.template(language.code, template).render(language=language, other=other, **context)

    def explain(
        self, request: Request, refusal: Refusal, sentences: Mapping[Code, str] = names.REFUSALS
    ) -> str:
        """What a refusal means and what to do, in the language of the request."""
        language = self.language(request)
        formats = Formats(language.locale)
        facts = {
            name: formats.moment(value) if name.endswith("_at") and value else value
            for name, value in names.refusal_facts(refusal.facts).items()
        }
        sentence = sign_on_words.WHY.get(refusal.facts.get("why", "")) or sentences[refusal.code]
        return language.words.gettext(sentence) % facts

    def say(self, request: Request, text: str, **values: Any) -> str:
        """A text marked by `N_`, in the language of the request."""
        translated = self.language(request).words.gettext(text)
        return translated % values if values else translated

    def _read(self, cookie: bytes, accepted: bytes) -> Reader:
        cookies = cookie_parser(cookie.decode("latin-1"))
        asked = (cookies.get(languages.COOKIE),)
        language = languages.chosen(asked, accepted.decode("latin-1"), self.languages)
        return Reader(language.code, cookies.get(SHEET_COOKIE) == SHEET_HASH[:12])

    def _environment(self, web: Path, code: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(web / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        language = self.languages[code]
        words = language.words
        environment.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
        environment.globals.update(self._globals(language))
        return environment

    def _globals(self, language: Language) -> dict[str, Any]:
        formats, gettext = Formats(language.locale), language.words.gettext
        wording = _Wording(formats, gettext)
        usual = dict.fromkeys(("member", "staff", "problem", "done", "refresh_seconds", "look", "preview"))
        return usual | {
            "static": self.statics.url,
            "moment": formats.moment,
            "hour": formats.hour,
            "second": formats.second,
            "money": formats.money,
            "number": formats.number,
            "listed": formats.listed,
            "duration": duration,
            "ms": milliseconds,
            "form_time": write_form_time,
            "grouped": grouped,
            "desk_roles": DESK_ROLES,
            "writer_roles": WRITERS,
            "member_readers": READERS,
            "finance_roles": READERS,
            "trail_roles": READERS,
            "quota_of": quota_of,
            "order_state": order_state,
            "status_name": lambda status: gettext(names.STATUSES[status]),
            "status_sentence": lambda status: gettext(names.STATUS_SENTENCES[status]),
            "hold_sentence": lambda status: gettext(names.HOLD_SENTENCES[status]),
            "colour_name": lambda colour: gettext(event_words.COLOURS[colour]),
            "kind_name": lambda kind: gettext(event_words.KINDS[kind]),
            "organisation_kind": lambda kind: gettext(member_words.ORGANISATION_KINDS[kind]),
            "card_state": lambda state: gettext(member_words.CARD_STATES[state]),
            "import_state_name": lambda state: gettext(member_words.IMPORT_STATES[state]),
            "wave_name": lambda state: gettext(event_words.WAVES[state]),
            "event_name": lambda kind: gettext(integration_words.EVENTS_TOLD[kind]),
            "delivery_state": lambda state: gettext(integration_words.DELIVERY_STATES[state]),
            "scope_name": lambda scope: gettext(integration_words.SCOPES[scope]),
            "report_name": lambda name: gettext(report_words.REPORTS[name]),
            "settlement_line": lambda state: gettext(report_words.SETTLEMENT_LINES[state]),
            "percent": formats.percent,
            "role_name": lambda role: gettext(names.ROLES[role]),
            "act_name": lambda action: gettext(acts.act_text(action)),
            "actor_name": lambda actor: acts.actor_text(actor, gettext),
            "refusal_name": lambda code: gettext(names.REFUSAL_NAMES.get(code, code)),
            "payment_names": wording.payment_names,
            "payment_sentence": wording.payment_sentence,
            "confirm_name": wording.confirm_name,
            "minutes": wording.minutes,
        }


class _Wording:
    """Phrases that join words with amounts."""

    def __init__(self, formats: Formats, gettext: Callable[[str], str]) -> None:
        self._formats, self._gettext = formats, gettext

    def payment_names(self, methods: list[str]) -> str:
        return " / ".join(self._gettext(names.PAYMENT_METHODS.get(method, method)) for method in methods)

    def payment_sentence(self, order: schemas.Order) -> str:
        due = order.payment.status == "due"
        amount = self._formats.money(amount_left(order) if due else order.amount, order.currency)
        return self._gettext(names.PAYMENT_SENTENCES[order.payment.status]) % {"amount": amount}

    def confirm_name(self, method: str, hold: schemas.Hold) -> str:
        amount = self._formats.money(hold.amount, hold.currency)
        return self._gettext(names.CONFIRM_BUTTONS.get(method, method)) % {"amount": amount}

    def minutes(self, seconds: int) -> str:
        whole, rest = divmod(seconds, 60)
        if rest or not whole:
            return self._gettext(names.SECONDS) % {"num": seconds}
        return self._gettext(names.MINUTES) % {"num": whole}


def has_sheet(request: Request) -> bool:
    """Whether the browser was given the style sheet before, so that a link finds it there."""
    return request.cookies.get(SHEET_COOKIE) == SHEET_HASH[:12]


def give_sheet(response: Response) -> None:
    """Remember in the browser that it has the style sheet."""
    _keep_cookie(response, SHEET_COOKIE, SHEET_HASH[:12])


def remember(response: Response, language: Language) -> None:
    """Keep the language in the browser."""
    _keep_cookie(response, languages.COOKIE, language.code)


def _keep_cookie(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, languages.COOKIE_SECONDS, samesite="lax", httponly=True)


def redirect(path: str) -> RedirectResponse:
    """Send the browser on with a GET, so that a reload repeats nothing."""
    return RedirectResponse(path, 303, headers=dict(HEADERS))


def onward(request: Request, path: str) -> Response:
    """The same for a form that htmx may have sent: its script must go there as a browser does, with a history."""
    if request.headers.get("hx-request") != "true":
        return redirect(path)
    return Response(status_code=204, headers={**HEADERS, "HX-Redirect": path})


def quota_of(event: schemas.Event | None, quota_id: str) -> schemas.Quota | None:
    """An event's quota by its id, or None when either is not known."""
    return next((quota for quota in event.quotas if quota.id == quota_id), None) if event else None


def amount_left(order: schemas.Order) -> int:
    """What the tickets cost that were not cancelled."""
    prices = {item.quota_id: item.price for item in order.items}
    return sum(prices[ticket.quota_id] for ticket in order.tickets if ticket.status != "void")


def order_state(order: schemas.Order) -> str:
    """The one word about an order that its owner looks for."""
    if order.status == "cancelled":
        return "cancelled"
    states = {ticket.status for ticket in order.tickets if ticket.status != "void"}
    return "issued" if "issued" in states else "collected"
