"""Puts the application of one API process together, from the outside in.

dispatch (the calls of the rush; `lane` brings plain requests straight to them)
→ frame (time, safe headers, the last net)
→ FastAPI: the JSON routes, the pages, the static files
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

import ticketing
from ticketing.api import openapi, problems
from ticketing.api.contract import Operation
from ticketing.api.frame import Frame
from ticketing.api.front import Front
from ticketing.api.hot import Dispatch, HotCalls
from ticketing.api.housekeeping import Housekeeping
from ticketing.api.pages.application import create_pages
from ticketing.api.pages.event_pages import EventPages
from ticketing.api.routes import ALL
from ticketing.api.rush import OPERATIONS, RushCalls
from ticketing.bootstrap import AsyncServices
from ticketing.errors import Code, Failure, Refusal, invalid
from ticketing.resources import package_files

_log = structlog.get_logger(__name__)


def create_app(services: AsyncServices) -> Dispatch:
    """The ASGI application over these services; its shutdown closes them."""
    front = Front.over(services)
    pages = create_pages(front, package_files("web"))
    calls = [*RushCalls(front).calls(), *EventPages(pages).calls()]
    hot = HotCalls(calls, services.clock, front.tally)
    inner = Frame(_fastapi(front, pages), services.clock, front.tally, secure=front.gate.secure)
    return Dispatch(hot, inner, front.live.close)


@cache
def document() -> dict[str, Any]:
    """What `/openapi.json` says."""
    cold = [operation for calls in ALL for operation in calls.operations]
    return openapi.document([*OPERATIONS, *cold], ticketing.__version__)


def _fastapi(front: Front, pages: ASGIApp) -> FastAPI:
    app = FastAPI(
        title="Ticketing",
        version=ticketing.__version__,
        lifespan=_lifespan,
        docs_url=None,  # its pages load scripts from elsewhere, which the content policy refuses
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.front = front
    app.openapi = document  # type: ignore[method-assign]
    for calls in ALL:
        app.include_router(calls.router)
    _handle_errors(app)
    _add_pages(app, pages)
    return app


def _add_pages(app: FastAPI, pages: ASGIApp) -> None:
    """Let the pages answer what no JSON route does; below `/api` nothing is a page."""
    nothing = app.router.not_found

    async def elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and not scope["path"].startswith("/api/")
        await (pages if is_page else nothing)(scope, receive, send)

    app.router.default = elsewhere


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    front: Front = app.state.front
    housekeeping = Housekeeping(front)
    await housekeeping.start()
    yield
    await housekeeping.stop()
    await front.services.aclose()


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _not_routed)
    app.add_exception_handler(RequestValidationError, _invalid)
    for failure in (Failure, DBAPIError, PoolTimeout):
        app.add_exception_handler(failure, _failed)
    app.add_exception_handler(Exception, _broken)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _problem(*problems.refused(error))


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return _problem(*problems.problem(Code.METHOD_NOT_ALLOWED, {"allow": _allowed(request.url.path)}))
    return _problem(*problems.problem(Code.NOT_FOUND))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [(".".join(str(part) for part in fault["loc"]), str(fault["msg"])) for fault in error.errors()]
    return _problem(*problems.refused(invalid(*faults)))


async def _failed(request: Request, error: Exception) -> Response:
    _log.warning(
        "unavailable", path=request.url.path, error=type(error).__name__, cause=repr(error.__cause__)
    )
    return _problem(*problems.problem(Code.UNAVAILABLE))


async def _broken(request: Request, error: Exception) -> Response:
    return _problem(*problems.problem(Code.UNAVAILABLE))  # the frame logs it


def _allowed(path: str) -> str:
    """Every method that some call takes at this path; the router would name those of its first match."""
    methods = {operation.method for pattern, operation in _patterns() if pattern.match(path)}
    return ", ".join(sorted(methods))


@cache
def _patterns() -> list[tuple[re.Pattern[str], Operation]]:
    return [(compile_path(op.path)[0], op) for calls in ALL for op in calls.operations]


def _problem(status: int, headers: dict[str, str], body: bytes) -> Response:
    return Response(body, status, headers)
