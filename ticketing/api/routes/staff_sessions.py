"""Staff sign in and out."""

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.api.devices import device_of
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
        codes=(Code.BAD_CREDENTIALS, Code.SECOND_FACTOR_NEEDED, Code.RATE_LIMITED),
    )
)
def sign_in(call: Call[schemas.StaffLogin]) -> schemas.StaffSession:
    """An unknown name, a wrong password and a disabled account get the same answer."""
    services, wish = call.front.services, call.body
    token, claims = services.accounts.login_staff(wish.username, wish.password, call.address, wish.code)
    services.staff_logins.begun(claims, device_of(call.headers.get(b"user-agent", b"")), call.address)
    return views.staff_session(token, claims)


@calls(
    Operation(
        method="DELETE",
        path="/api/v1/staff/sessions/current",
        summary="Sign out",
        tag="staff",
        caller="staff",
        enrols=True,
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
        enrols=True,
        status=204,
    )
)
def sign_out_everywhere(call: Call[None]) -> None:
    """As `sign_out`, for every session of this person, on whatever device."""
    call.front.services.accounts.logout(call.caller, everywhere=True)


@calls(
    Operation(
        method="GET",
        path="/api/v1/staff/sessions",
        summary="Where one is signed in",
        tag="staff",
        caller="staff",
        gives=schemas.StaffLogins,
    )
)
def sessions(call: Call[None]) -> schemas.StaffLogins:
    """Newest first; the one that asks is among them."""
    own = call.front.services.staff_logins.own(call.caller)
    return schemas.StaffLogins([views.staff_login_view(login, call.caller) for login in own])


@calls(
    Operation(
        method="DELETE",
        path="/api/v1/staff/sessions/{session_id}",
        summary="Sign out elsewhere",
        tag="staff",
        caller="staff",
        status=204,
        codes=(Code.NOT_FOUND,),
    )
)
def end_session(call: Call[None]) -> None:
    """End one of one's own sessions."""
    call.front.services.staff_logins.end(call.caller, call.path("session_id"))


@calls(
    Operation(
        method="DELETE",
        path="/api/v1/staff/other-sessions",
        summary="Sign out everywhere else",
        tag="staff",
        caller="staff",
        status=204,
    )
)
def end_other_sessions(call: Call[None]) -> None:
    """End all of one's sessions but the one that asks."""
    call.front.services.staff_logins.end_others(call.caller)
