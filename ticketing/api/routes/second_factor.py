"""The second factor of staff, and what an admin does for who has lost theirs."""

from msgspec.structs import replace

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.errors import Code

calls = Calls()

_PATH = "/api/v1/staff/second-factor"
_ACCOUNT = "/api/v1/staff/accounts/{username}"


@calls(
    Operation(
        method="GET",
        path=_PATH,
        summary="One's own second factor",
        tag="staff",
        caller="staff",
        enrols=True,
        gives=schemas.SecondFactor,
    )
)
def second_factor(call: Call[None]) -> schemas.SecondFactor:
    """Never the secret: that is shown once, when it is made."""
    services = call.front.services
    state = services.accounts.factors.state(call.caller)
    return schemas.SecondFactor(
        confirmed_at=views.instant_or_none(state.confirmed_at),
        recovery_codes_left=state.recovery_codes_left,
        required=services.settings.staff_second_factor == "required",
    )


@calls(
    Operation(
        method="POST",
        path=_PATH,
        summary="Begin to set up a second factor",
        tag="staff",
        caller="staff",
        enrols=True,
        takes=schemas.FactorWish,
        gives=schemas.FactorSecret,
        status=201,
        codes=(Code.BAD_CREDENTIALS, Code.RATE_LIMITED),
    )
)
def begin(call: Call[schemas.FactorWish]) -> schemas.FactorSecret:
    """A secret for an authenticator; it counts once a code of it confirms it."""
    made = call.front.services.accounts.factors.begin(call.caller, call.body.password)
    return schemas.FactorSecret(secret=made.secret, uri=made.uri)


@calls(
    Operation(
        method="POST",
        path=f"{_PATH}/confirm",
        summary="Confirm a second factor",
        tag="staff",
        caller="staff",
        enrols=True,
        takes=schemas.FactorProof,
        gives=schemas.FactorConfirmed,
        codes=(Code.RATE_LIMITED,),
    )
)
def confirm(call: Call[schemas.FactorProof]) -> schemas.FactorConfirmed:
    """From now on a sign-in needs a code; other sessions end."""
    accounts = call.front.services.accounts
    codes = accounts.factors.confirm(call.caller, call.body.code)
    claims = replace(call.caller, must_enrol=False)
    return schemas.FactorConfirmed(codes, views.staff_session(accounts.sign(claims), claims))


@calls(
    Operation(
        method="POST",
        path=f"{_PATH}/remove",
        summary="Go on without a second factor",
        tag="staff",
        caller="staff",
        takes=schemas.FactorRemoval,
        status=204,
        codes=(Code.BAD_CREDENTIALS, Code.RATE_LIMITED),
    )
)
def remove(call: Call[schemas.FactorRemoval]) -> None:
    """All sessions end, this one too; where a second factor is required the next one sets up another."""
    factors = call.front.services.accounts.factors
    factors.turn_off(call.caller, call.body.password, call.body.code, call.address)


@calls(
    Operation(
        method="POST",
        path=f"{_ACCOUNT}/reset-second-factor",
        summary="Take away an account's second factor that was lost",
        tag="staff",
        caller="staff",
        roles=("admin",),
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def reset(call: Call[None]) -> None:
    """Its sessions end. Make sure who asks for it: the next sign-in needs the password alone."""
    call.front.services.staff_help.reset_second_factor(call.caller, call.path("username"))


@calls(
    Operation(
        method="POST",
        path=f"{_ACCOUNT}/unlink-provider",
        summary="Let the sign-in provider open an account no more",
        tag="staff",
        caller="staff",
        roles=("admin",),
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def unlink_provider(call: Call[None]) -> None:
    """Its sessions end. Its person may link it again, with the password."""
    call.front.services.staff_help.unlink_provider(call.caller, call.path("username"))


@calls(
    Operation(
        method="POST",
        path=f"{_ACCOUNT}/end-sessions",
        summary="Sign an account out everywhere",
        tag="staff",
        caller="staff",
        roles=("admin",),
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def end_sessions(call: Call[None]) -> None:
    """Every session of it ends in every process within two seconds."""
    call.front.services.staff_help.end_sessions(call.caller, call.path("username"))
