"""What staff do to give a quota more tickets, now and at set times."""

from typing import Any, cast

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.routes.events import EVENT_PATH, changed_event
from ticketing.catalogue.tables import Wave
from ticketing.errors import Code, Refusal
from ticketing.services.event_access import WRITERS
from ticketing.services.waves import WavePlan

calls = Calls()


@calls(
    Operation(
        method="POST",
        path=f"{EVENT_PATH}/quotas/{{quota_id}}/raise",
        summary="Give a quota more tickets, some now and some at set times",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.RaiseWish,
        gives=schemas.StaffEvent,
        keyed=True,
        codes=(Code.NOT_FOUND, Code.SALE_CLOSED, Code.RECOVERING),
    )
)
def raise_quota(call: Call[schemas.RaiseWish]) -> schemas.StaffEvent:
    """Nobody sells of a wave before its time. Repeated with its key, it is one act."""
    wish, event_id, quota_id = call.body, call.path("event_id"), call.path("quota_id")
    if quota_id.rpartition("-")[0] != event_id:
        raise Refusal(Code.NOT_FOUND)
    later = [WavePlan(views.millis(plan.at), plan.quantity) for plan in wish.waves]
    raised = call.front.services.waves.raise_quota
    raised(call.caller, call.idempotency_key, quota_id, wish.now, later, wish.reason)
    return changed_event(call, event_id)


@calls(
    Operation(
        method="GET",
        path=f"{EVENT_PATH}/waves",
        summary="The waves of an event",
        tag="staff",
        caller="staff",
        gives=schemas.Waves,
        codes=(Code.NOT_FOUND,),
    )
)
def list_waves(call: Call[None]) -> schemas.Waves:
    """Those to come, those that came, and those called off."""
    return _waves(call)


@calls(
    Operation(
        method="POST",
        path=f"{EVENT_PATH}/waves/{{wave_id}}/cancel",
        summary="Call a wave off before its time",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.WithReason,
        body_optional=True,
        gives=schemas.Waves,
        codes=(Code.NOT_FOUND, Code.NOT_CANCELLABLE),
    )
)
def cancel_wave(call: Call[schemas.WithReason]) -> schemas.Waves:
    """Repeated, it stays called off."""
    event_id, wave_id = call.path("event_id"), call.path("wave_id")
    call.front.services.waves.cancel(call.caller, event_id, wave_id, call.body.reason)
    changed_event(call, event_id)
    return _waves(call)


def _waves(call: Call[Any]) -> schemas.Waves:
    known = call.front.services.waves.of_event(call.caller, call.path("event_id"))
    return schemas.Waves([_wave(wave) for wave in known])


def _wave(wave: Wave) -> schemas.WaveAnswer:
    return schemas.WaveAnswer(
        id=wave.id,
        quota_id=wave.quota_id,
        at=views.instant(wave.at),
        quantity=wave.quantity,
        state=cast("Any", wave.state),
        reason=wave.reason,
        by=wave.actor,
        settled_at=views.instant_or_none(wave.settled_at),
    )
