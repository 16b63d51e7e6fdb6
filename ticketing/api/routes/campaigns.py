"""What staff do to set up a campaign: copy an event, start from a template, paste a table of quotas."""

from msgspec import structs

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.routes.events import EVENT_PATH, changed_event, event_of_call
from ticketing.catalogue.quota_table import QuotaTable
from ticketing.catalogue.validation import Fault
from ticketing.errors import Code
from ticketing.services.event_access import WRITERS

calls = Calls()


@calls(
    Operation(
        method="GET",
        path="/api/v1/staff/templates",
        summary="The templates that an event may start from",
        tag="staff",
        caller="staff",
        gives=schemas.Templates,
    )
)
def list_templates(call: Call[None]) -> schemas.Templates:
    """In the order of the file."""
    known = call.front.services.campaigns.templates(call.caller)
    return schemas.Templates(
        [
            schemas.TemplateAnswer(name, structs.asdict(each.title), sum(q.times for q in each.quotas))
            for name, each in known.items()
        ]
    )


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/drafts",
        summary="Create a draft from a template",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.TemplateWish,
        gives=schemas.StaffEvent,
        status=201,
    )
)
def from_template(call: Call[schemas.TemplateWish]) -> schemas.StaffEvent:
    """Everything in it may be changed afterwards."""
    wish = call.body
    starts_at = views.millis(wish.starts_at)
    event_id = call.front.services.campaigns.from_template(
        call.caller, wish.template, starts_at, wish.language, wish.title
    )
    return event_of_call(call, event_id)


@calls(
    Operation(
        method="POST",
        path=f"{EVENT_PATH}/copy",
        summary="Create a draft like this event, whole days later",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.CopyWish,
        gives=schemas.StaffEvent,
        status=201,
        codes=(Code.NOT_FOUND,),
    )
)
def copy_event(call: Call[schemas.CopyWish]) -> schemas.StaffEvent:
    """All its showings move with it; no count comes along."""
    wish, copy = call.body, call.front.services.campaigns.copy
    return event_of_call(call, copy(call.caller, call.path("event_id"), wish.days, wish.same_series))


@calls(
    Operation(
        method="GET",
        path=f"{EVENT_PATH}/check",
        summary="What to look at before publishing",
        tag="staff",
        caller="staff",
        gives=schemas.CheckAnswer,
        codes=(Code.NOT_FOUND,),
    )
)
def check_event(call: Call[None]) -> schemas.CheckAnswer:
    """Publishing refuses what is an error here, and nothing that is a warning."""
    remarks = call.front.services.checks.check(call.caller, call.path("event_id"))
    return schemas.CheckAnswer(
        publishable=not any(remark.refuses for remark in remarks),
        remarks=[
            schemas.RemarkAnswer("error" if remark.refuses else "warning", remark.field, remark.reason)
            for remark in remarks
        ],
    )


@calls(
    Operation(
        method="POST",
        path=f"{EVENT_PATH}/quota-table",
        summary="Add quotas from a pasted table, all or none",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.QuotaTableWish,
        gives=schemas.QuotaTableAnswer,
        codes=(Code.NOT_FOUND, Code.SALE_CLOSED, Code.RECOVERING),
    )
)
def paste_quotas(call: Call[schemas.QuotaTableWish]) -> schemas.QuotaTableAnswer:
    """Parted by tabs, semicolons or commas; headings in Chinese or English, or none. Prices are in yuan."""
    tables, wish, event_id = call.front.services.quota_tables, call.body, call.path("event_id")
    if wish.dry_run:
        return _table(tables.look(call.caller, event_id, wish.text, wish.replace), written=False)
    table = tables.write(call.caller, event_id, wish.text, wish.reason, wish.replace)
    changed_event(call, event_id)
    return _table(table, written=True)


def _table(table: QuotaTable, *, written: bool) -> schemas.QuotaTableAnswer:
    lines = [
        schemas.QuotaLine(
            line=line.number,
            name=line.quota.name,
            starts_at=views.instant_or_none(line.quota.starts_at),
            price=line.quota.price,
            face_price=line.quota.face_price,
            capacity=line.quota.capacity,
            per_card_limit=line.quota.per_card_limit,
            withheld=line.quota.withheld,
            errors=_faults(line.faults),
        )
        for line in table.lines
    ]
    return schemas.QuotaTableAnswer(written, lines, _faults(table.faults), list(table.unused))


def _faults(faults: tuple[Fault, ...]) -> list[schemas.FieldError]:
    return [schemas.FieldError(field, reason) for field, reason in faults]
