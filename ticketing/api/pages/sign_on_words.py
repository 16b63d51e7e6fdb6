"""The words for why a sign-in by the provider came to nothing, and what to do."""

from collections.abc import Mapping

from ticketing.api.pages.names import N_
from ticketing.services.single_sign_on import Why

WHY: Mapping[str, str] = {
    Why.LOST: N_(
        "That sign-in was not finished in time, or was begun in another window. Begin it once more."
    ),
    Why.DENIED: N_(
        "%(provider)s did not let you in, or you stopped there. You can sign in with your password."
    ),
    Why.NOT_PROVEN: N_(
        "What %(provider)s answered could not be verified, so nobody was signed in. "
        "Sign in with your password, and tell your administrator."
    ),
    Why.UNANSWERED: N_("%(provider)s does not answer at the moment. Sign in with your password."),
    Why.UNLINKED: N_(
        "%(provider)s knows you, but no account here is linked to it. "
        "Sign in with your password once and link it under “My account”."
    ),
    Why.DISABLED: N_("Your account here is disabled. Ask your administrator."),
    Why.TAKEN: N_(
        "Another account is linked to the person you are at %(provider)s. "
        "Take that link away first, or ask your administrator."
    ),
    Why.ELSEWHERE: N_("You are not signed in here as who began to link. Sign in and begin once more."),
}
