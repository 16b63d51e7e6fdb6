"""Serves one API process: uvicorn with uvloop and httptools, and a shutdown that lets answers finish."""

import os
import signal
import socket
from types import FrameType

import uvicorn

from ticketing import logs, memory
from ticketing.settings import Settings

GRACE_SECONDS = 3
"""How long a shutdown waits for answers under way."""

CONNECTIONS_WAITING_MAX = 4_096


def serve(settings: Settings, host: str, port: int, fd: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `settings` have every server's address filled in.

    `fd` is a listening socket that was inherited; several processes may share one. Raises `Misconfigured`.
    """
    logs.configure()
    _share_metrics(settings)
    # Imported here because prometheus_client looks at the environment once, when it is first imported.
    from ticketing.api.application import create_app
    from ticketing.api.lane import lane_to
    from ticketing.api.patience import Patience, PatientServer
    from ticketing.bootstrap import build_async

    app = create_app(build_async(settings))
    memory.settle()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=lane_to(app.hot),
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # `ClientAddresses` believes the proxies that the settings name, and no other
        backlog=CONNECTIONS_WAITING_MAX,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    sockets = None if fd is None else [socket.socket(fileno=fd)]
    # uvicorn raises the signal that ended it once more; being told to stop is no failure.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    patience = Patience(head=settings.request_head_seconds, body=settings.request_body_seconds)
    PatientServer(config, patience, app.farewell).run(sockets)


def _leave(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _share_metrics(settings: Settings) -> None:
    folder = settings.data_dir / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(folder))
