"""The JSON routes by who calls them; each module has a `calls`, and `ALL` is every one of them."""

from ticketing.api.routes import (
    accounts,
    api_tokens,
    campaigns,
    desk,
    desk_away,
    events,
    imports,
    member_care,
    members,
    organisations,
    public,
    second_factor,
    staff_sessions,
    till,
    waves,
    webhooks,
)

ALL = (
    public.calls,
    members.calls,
    staff_sessions.calls,
    second_factor.calls,
    api_tokens.calls,
    webhooks.calls,
    organisations.calls,
    imports.calls,
    accounts.calls,
    member_care.calls,
    events.calls,
    campaigns.calls,
    waves.calls,
    desk.calls,
    till.calls,
    desk_away.calls,
)
