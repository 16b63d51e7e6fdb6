"""A client of the HTTP API that tells an answer from a doubt; light enough for thousands of calls."""

import http.client
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

REQUEST_SECONDS = 10.0


class Unanswered(Exception):
    """Nobody knows whether it happened."""


class Answer(NamedTuple):
    """An answer that is not a failure of the moment."""

    status: int
    body: bytes
    replayed: bool

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Why it was refused."""
        return str(self.json()["code"])


class Request(NamedTuple):
    """A call that may be repeated."""

    path: str
    token: str
    body: Mapping[str, Any] | None = None
    key: str | None = None
    method: str = "POST"


class Client:
    """One connection, for one thread."""

    def __init__(self, address: tuple[str, int], seconds: float = REQUEST_SECONDS) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=seconds)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def send(self, request: Request) -> Answer:
        """Raises `Unanswered` for a lost connection and for 503."""
        headers = {"authorization": f"Bearer {request.token}", "content-type": "application/json"}
        if request.key is not None:
            headers["idempotency-key"] = request.key
        body = None if request.body is None else json.dumps(request.body)
        try:
            self._connection.request(request.method, request.path, body, headers)
            response = self._connection.getresponse()
            answer = Answer(
                response.status, response.read(), response.headers.get("idempotent-replayed") == "true"
            )
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise Unanswered(type(error).__name__) from error
        if answer.status == 503:
            raise Unanswered(answer.code)
        return answer
