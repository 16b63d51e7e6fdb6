"""Every setting, read once from the environment (`TICKETING_*`).

Only `bootstrap`, `embedded` and the command line read this; rooms are handed values.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_LOCAL = ("localhost", "127.0.0.1", "::1")


class Settings(BaseSettings):
    """The settings of one process. A URL left unset means: the embedded server of `data_dir`."""

    model_config = SettingsConfigDict(env_prefix="TICKETING_", frozen=True)

    data_dir: Path = Field(default_factory=lambda: user_data_path("ticketing"))
    redis_url: str | None = None
    queue_redis_url: str | None = None
    database_url: str | None = None
    secret_key: SecretStr | None = None
    public_url: str | None = Field(
        None, description="How people reach us; decides Secure cookies and the accepted origin."
    )
    trusted_proxies: str = Field(
        "127.0.0.1", description="Comma-separated addresses whose X-Forwarded-For is believed."
    )
    rehearsal: bool = Field(False, description="This instance may be sold out by `ticketing rush`.")

    backlog_max: int = Field(
        100_000, ge=1, description="Undrained log entries of a group above which holds stop."
    )
    live_holds_per_member: int = Field(
        5, ge=1, description="Live holds a member may have in one allowance group."
    )
    live_holds_per_address: int = Field(
        1_000, ge=1, description="Live holds from one client address, per API process."
    )
    abandoned_holds_max: int = Field(
        5, ge=1, description="Holds a member may let go in a row before a pause."
    )
    abandoned_pause_seconds: int = Field(60, ge=1, description="How long that pause is.")

    login_failures_per_card: str = Field("5 per 5 minutes", description="Wrong PINs per card before 429.")
    login_failures_per_address: str = Field(
        "300 per 5 minutes", description="Failed logins per client address before 429."
    )
    member_session_minutes: int = Field(12 * 60, ge=1, description="Absolute life of a member's session.")
    member_idle_minutes: int = Field(
        2 * 60, ge=1, description="Idle life of a member's session in the browser."
    )
    staff_session_minutes: int = Field(10 * 60, ge=1, description="Absolute life of a staff session.")
    staff_idle_minutes: int = Field(60, ge=1, description="Idle life of a staff session in the browser.")

    staff_second_factor: Literal["optional", "required"] = Field(
        "optional",
        description="Whether staff may have a second factor, or do nothing before they have set one up.",
    )

    oidc_client_id: str | None = Field(None, description="What the sign-in provider calls this instance.")
    oidc_client_secret: SecretStr | None = Field(None, description="What this instance shows the provider.")
    oidc_name: str | None = Field(None, max_length=40, description="What staff call the provider.")
    oidc_issuer: str | None = Field(
        None,
        max_length=200,
        validate_default=True,
        description="An OpenID Connect provider by which staff may sign in, as it names itself.",
    )

    webhook_private_addresses: bool = Field(
        False, description="Whether webhooks may lead into private networks and to this machine."
    )

    request_head_seconds: float = Field(
        10, gt=0, description="How long a client may take to send a request's line and headers."
    )
    request_body_seconds: float = Field(
        30, gt=0, description="How long for its body, or for each mebibyte of a large one."
    )

    replica_acks: int = Field(
        0, ge=0, description="Replicas that must have a confirm before it is answered; others get 503."
    )
    drain_batch_max: int = Field(
        500, ge=1, le=5_000, description="Log entries recorded in one SQL transaction."
    )

    @field_validator("oidc_issuer")
    @classmethod
    def _provider_is_whole(cls, issuer: str | None, info: ValidationInfo) -> str | None:
        """A sign-in provider is named with all that it needs, or not at all."""
        needed = ("oidc_client_id", "oidc_client_secret")
        if issuer is None:
            if any(info.data.get(name) is not None for name in needed):
                raise ValueError("is not set, but the client of a sign-in provider is")
            return None
        missing = [name for name in (*needed, "public_url") if not info.data.get(name)]
        if missing:
            raise ValueError(f"needs TICKETING_{missing[0].upper()}")
        if not is_safe_url(issuer):
            raise ValueError("must be an https:// address without a query; http:// only for localhost")
        if find_spec("authlib") is None or find_spec("requests") is None:
            raise ValueError("needs what `pip install 'ticketing[oidc]'` installs")
        return issuer


def is_safe_url(url: str) -> bool:
    """Whether what goes to this address is read by nobody on the way: HTTPS, or this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    plain = not (parts.username or parts.password or parts.query or parts.fragment)
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOCAL)
    return bool(host) and plain and secure
