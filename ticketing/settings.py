"""Every setting, read once from the environment (`TICKETING_*`).

Only `bootstrap`, `embedded` and the command line read this; rooms are handed values.
"""

from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
