"""Staff sign in and out."""

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.errors import Code

calls = Calls()


@calls(
    Operation(
        method="POST",
        path="/api/v1/staff/sessions",
        summary="Sign in by name and password",
        tag="staff",
        takes=schemas.StaffLogin,
        gives=schemas.StaffSession,
        status=201,
        limited=True,
        codes=(Code.BAD_CREDENTIALS, Code.RATE_LIMITED),
    )
)
def sign_in(call: Call[schemas.StaffLogin]) -> schemas.StaffSession:
    """An unknown name, a wrong password and a disabled account get the same answer."""
    token, claims = call.front.services.accounts.login_staff(
        call.body.username, call.body.password, call.address
    )
    return views.staff_session(token, claims)


@calls(
    Operation(
        method="DELETE",
        path="/api/v1/staff/sessions/current",
        summary="Sign out",
        tag="staff",
        caller="staff",
        status=204,
    )
)
def sign_out(call: Call[None]) -> None:
    """The token is worth nothing after at most two seconds, in every process."""
    call.front.services.accounts.logout(call.caller)


@calls(
    Operation(
        method="DELETE",
        path="/api/v1/staff/sessions",
        summary="Sign out everywhere",
        tag="staff",
        caller="staff",
        status=204,
    )
)
def sign_out_everywhere(call: Call[None]) -> None:
    """As `sign_out`, for every session of this person, on whatever device."""
    call.front.services.accounts.logout(call.caller, everywhere=True)
