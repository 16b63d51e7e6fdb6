"""The JSON routes: what each call goes through, in the order in which the contract lets errors answer.

A route is an `Operation` and a plain function of a `Call`. The function runs in the thread pool (or, when
it is async, in the event loop), may use SQL, raises `Refusal`s and returns a struct of `schemas`, a whole
`Response`, or None for 204.
"""

import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec
from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ticketing.api.auth import Headers, Kind
from ticketing.api.bodies import (
    BODY_BYTES_MAX,
    FILE_BYTES_MAX,
    decode,
    has_controls,
    idempotency_key,
    read_body,
    read_id,
    require_json,
    require_key,
    require_size,
    require_type,
)
from ticketing.api.contract import Operation
from ticketing.api.front import Front, front_of
from ticketing.api.scopes import scope_of
from ticketing.errors import Code, Refusal, StoreUnavailable, invalid
from ticketing.services.tokens import Claims

Body = TypeVar("Body")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, kw_only=True)
class Call(Generic[Body]):
    """One request whose form is right: who asks, for what, and with which body."""

    front: Front
    request: Request
    headers: Headers
    body: Body
    session: Claims | None
    idempotency_key: str

    @property
    def caller(self) -> Claims:
        """The session; only for calls that need one."""
        assert self.session is not None
        return self.session

    @property
    def address(self) -> str:
        """The client's address."""
        return self.front.addresses.of(self.request.scope.get("client"), self.headers)

    def path(self, name: str) -> str:
        """A part of the path, such as `event_id`. Raises `Refusal` for what can be no id."""
        return read_id(str(self.request.path_params[name]))

    def query(self, name: str) -> str | None:
        """A parameter of the query, or None. Raises `Refusal` for control characters."""
        text = self.request.query_params.get(name)
        if text is not None and has_controls(text):
            raise invalid((name, "must be without control characters"))
        return text


Handler = Callable[[Call[Any]], Any]


class Calls:
    """Routes of one part of the contract, with their descriptions."""

    def __init__(self) -> None:
        self.router = APIRouter()
        self.operations: list[Operation] = []

    def __call__(self, operation: Operation) -> Callable[[Handler], Handler]:
        """Register the function below as the answer to `operation`."""

        def register(handle: Handler) -> Handler:
            self.operations.append(operation)
            self.router.add_api_route(
                operation.path,
                _endpoint(operation, handle),
                methods=[operation.method],
                name=handle.__name__,
                include_in_schema=False,  # `openapi` writes the document, for the hot calls too
            )
            return handle

        return register


def _endpoint(operation: Operation, handle: Handler) -> Callable[[Request], Awaitable[Response]]:
    decoder = msgspec.json.Decoder(operation.takes) if operation.takes else None

    async def endpoint(request: Request) -> Response:
        front, headers = front_of(request), dict(request.scope["headers"])
        sent = b""
        if decoder:  # what comes with other calls is no business of ours, and the server drops it unread
            sent = await read_body(request.receive, headers, BODY_BYTES_MAX)
            require_json(headers, sent)
        elif operation.uploads:
            require_size(headers, FILE_BYTES_MAX)
            require_type(headers, operation.uploads)
        session = _session(front, operation, headers)
        if operation.uploads:  # nobody but those who may fills our memory
            sent = await read_body(request.receive, headers, FILE_BYTES_MAX)
        if operation.keyed:
            require_key(headers)
        try:
            body = decode(decoder, _or_empty(operation, sent)) if decoder else sent or None
        except Refusal:
            if operation.limited:
                await run_in_threadpool(_require_unhurried, front, request)
            raise
        key = idempotency_key(headers) if operation.keyed else ""
        call = Call(
            front=front, request=request, headers=headers, body=body, session=session, idempotency_key=key
        )
        run = front.logins.run if operation.limited else front.swipes.run if operation.in_turn else _run
        return _response(operation, await run(handle, call))

    return endpoint


def _session(front: Front, operation: Operation, headers: Headers) -> Claims | None:
    if operation.caller == "public":
        return None
    kind = cast("Kind", operation.caller)
    session = front.gate.session(
        headers,
        kind,
        changes=operation.method != "GET",
        enrols=operation.enrols,
        scope=scope_of(operation.method, operation.path),
    )
    if operation.roles and session.role not in operation.roles:
        raise Refusal(Code.FORBIDDEN)
    return session


def _require_unhurried(front: Front, request: Request) -> None:
    address = front.addresses.of(request.scope.get("client"), dict(request.scope["headers"]))
    with suppress(StoreUnavailable):  # it cannot be known now, and the body is wrong all the same
        front.services.accounts.require_unhurried(address)


def _or_empty(operation: Operation, sent: bytes) -> bytes:
    return b"{}" if operation.body_optional and not sent else sent


async def _run(handle: Handler, call: Call[Any]) -> Any:
    if inspect.iscoroutinefunction(handle):
        return await handle(call)
    return await run_in_threadpool(handle, call)


def _response(operation: Operation, answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status_code=204, headers=_HEADERS)
    return Response(_encode(answer), operation.status, _HEADERS, "application/json")


def json_response(answer: Any, status: int, **headers: str) -> Response:
    """An answer with headers of its own."""
    return Response(_encode(answer), status, {**_HEADERS, **headers}, "application/json")


def keyed_response(answer: Any, status: int, *, replayed: bool) -> Response:
    """An answer to a keyed call, saying whether it was given before."""
    return json_response(answer, status, **({"idempotent-replayed": "true"} if replayed else {}))


_HEADERS = {"cache-control": "no-store"}
