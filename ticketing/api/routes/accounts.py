"""Accounts of staff, as managers look after those of their organisation and below."""

from msgspec import UNSET

from ticketing.api import schemas, views
from ticketing.api.calls import Call, Calls
from ticketing.api.contract import Operation
from ticketing.errors import Code
from ticketing.services.event_access import WRITERS
from ticketing.services.staff_care import Account

ACCOUNTS = "/api/v1/staff/accounts"
ONE = f"{ACCOUNTS}/{{username}}"

calls = Calls()


@calls(
    Operation(
        method="GET",
        path=ACCOUNTS,
        summary="Accounts whose name or organisation contains `q`",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Accounts,
        query=("q",),
    )
)
def list_accounts(call: Call[None]) -> schemas.Accounts:
    """Of one's organisation and below, at most 200."""
    found = call.front.services.staff_care.accounts(call.caller, call.query("q") or "")
    return schemas.Accounts([_view(account) for account in found])


@calls(
    Operation(
        method="POST",
        path=ACCOUNTS,
        summary="Add an account",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.NewAccount,
        gives=schemas.AccountWithPassword,
        status=201,
    )
)
def add_account(call: Call[schemas.NewAccount]) -> schemas.AccountWithPassword:
    """Nobody gives a role or an organisation that is more than their own."""
    wish = call.body
    added = call.front.services.staff_care.add(call.caller, wish.username, wish.role, wish.organisation)
    return schemas.AccountWithPassword(_view(added[0]), added[1])


@calls(
    Operation(
        method="GET",
        path=ONE,
        summary="One account",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Account,
        codes=(Code.NOT_FOUND,),
    )
)
def show_account(call: Call[None]) -> schemas.Account:
    """Of one's organisation and below."""
    return _view(call.front.services.staff_care.account(call.caller, call.path("username")))


@calls(
    Operation(
        method="PATCH",
        path=ONE,
        summary="Give an account another role or organisation; its sessions end",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        takes=schemas.AccountChanges,
        gives=schemas.Account,
        codes=(Code.NOT_FOUND,),
    )
)
def change_account(call: Call[schemas.AccountChanges]) -> schemas.Account:
    """The last administrator of the root stays one."""
    care, wish = call.front.services.staff_care, call.body
    now = care.account(call.caller, call.path("username"))
    role = now.role if wish.role is UNSET else wish.role
    organisation = now.organisation_id if wish.organisation is UNSET else wish.organisation
    return _view(care.change(call.caller, call.path("username"), role, organisation))


@calls(
    Operation(
        method="POST",
        path=f"{ONE}/disable",
        summary="Let an account sign in no more; its sessions end",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Account,
        codes=(Code.NOT_FOUND, Code.INVALID),
    )
)
def disable_account(call: Call[None]) -> schemas.Account:
    """Disabling a disabled one changes nothing."""
    return _view(call.front.services.staff_care.disable(call.caller, call.path("username")))


@calls(
    Operation(
        method="POST",
        path=f"{ONE}/enable",
        summary="Let an account sign in again",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.Account,
        codes=(Code.NOT_FOUND,),
    )
)
def enable_account(call: Call[None]) -> schemas.Account:
    """With the password it had."""
    return _view(call.front.services.staff_care.enable(call.caller, call.path("username")))


@calls(
    Operation(
        method="POST",
        path=f"{ONE}/reset-password",
        summary="Another random password, told once; its sessions end",
        tag="staff",
        caller="staff",
        roles=WRITERS,
        gives=schemas.AccountWithPassword,
        codes=(Code.NOT_FOUND,),
    )
)
def reset_password(call: Call[None]) -> schemas.AccountWithPassword:
    """The old one is worth nothing at once."""
    account, password = call.front.services.staff_care.reset_password(call.caller, call.path("username"))
    return schemas.AccountWithPassword(_view(account), password)


def _view(account: Account) -> schemas.Account:
    return schemas.Account(
        username=account.username,
        role=account.role,  # type: ignore[arg-type] # one of the roles, as the table has it
        organisation=account.organisation_id,
        organisation_name=account.organisation_name,
        disabled=account.disabled,
        created_at=views.instant(account.created_at),
    )
