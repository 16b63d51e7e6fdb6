"""Goal: a sign-in provider is set as a whole and safely, or the command says what is missing; its extra is one.

Method: settings as the environment gives them, one thing wrong at a time; the package without what its extra installs.
"""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from ticketing import cli, settings
from ticketing.settings import Settings, is_safe_url

WHOLE = {
    "OIDC_ISSUER": "https://id.example",
    "OIDC_CLIENT_ID": "ticketing",
    "OIDC_CLIENT_SECRET": "secret",
    "PUBLIC_URL": "https://tickets.example",
}


def complaint(monkeypatch: pytest.MonkeyPatch, **wrong: str | None) -> str:
    """What the command says of the settings; empty when they are good."""
    for name, value in (WHOLE | wrong).items():
        if value is None:
            monkeypatch.delenv(f"TICKETING_{name}")
        else:
            monkeypatch.setenv(f"TICKETING_{name}", value)
    try:
        Settings()
    except ValidationError as error:
        return cli._first_setting(error)
    return ""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"OIDC_CLIENT_ID": None}, "needs TICKETING_OIDC_CLIENT_ID"),
        ({"OIDC_CLIENT_SECRET": None}, "needs TICKETING_OIDC_CLIENT_SECRET"),
        ({"PUBLIC_URL": None}, "needs TICKETING_PUBLIC_URL"),
        ({"OIDC_ISSUER": None}, "is not set, but the client of a sign-in provider is"),
        ({"OIDC_ISSUER": "http://id.example"}, "must be an https:// address"),
        ({"OIDC_ISSUER": "https://id.example?x=1"}, "must be an https:// address"),
    ],
)
def test_a_provider_is_whole_or_not_there(
    wrong: dict[str, str | None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert complaint(monkeypatch) == ""
    told = complaint(monkeypatch, **wrong)
    assert told.startswith(f"TICKETING_OIDC_ISSUER: {said}"), told


def test_addresses_that_others_can_read_are_not_safe() -> None:
    safe = ["https://id.example/realms/a", "http://localhost:8080", "http://127.0.0.1:1/x", "http://[::1]"]
    unsafe = [
        "http://id.example",
        "ftp://localhost",
        "https://",
        "id.example",
        "https://u:p@id.example",
        "https://a:b",
    ]
    assert [is_safe_url(url) for url in safe + unsafe] == [True] * len(safe) + [False] * len(unsafe)


def test_without_the_extra_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "find_spec", lambda name: None)
    assert "pip install 'ticketing[oidc]'" in complaint(monkeypatch)


def test_without_the_extra_all_else_can_be_imported() -> None:
    without = "import sys; sys.modules.update(dict.fromkeys(('authlib', 'joserfc', 'requests')))"
    parts = "import ticketing.api.application, ticketing.queue.worker, ticketing.services.doctor"
    for more, code in (("", 0), ("; import ticketing.services.open_id", 1)):
        ran = subprocess.run(
            [sys.executable, "-c", f"{without}; {parts}{more}"], capture_output=True, text=True
        )
        assert ran.returncode == code, ran.stderr
