"""The baseline of the HTTP rows: a FastAPI application that does nothing, on the same server."""

import socket
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()


class Wish(BaseModel):
    """A small body, as a hold has."""

    quota_id: str = Field(min_length=1, max_length=80)
    quantity: int = Field(ge=1, le=30)


@app.post("/wishes", status_code=201)
async def wish(body: Wish) -> dict[str, str]:
    """Check the body, and answer."""
    return {"quota_id": body.quota_id}


@app.get("/nothing")
async def nothing() -> dict[str, str]:
    """Answer."""
    return {"status": "open"}


def main(fd: int) -> None:
    """Serve on an inherited socket, in one process, just as `ticketing api` does.

    uvicorn's own `fd` option takes the socket for a Unix one, on which uvloop sets no TCP_NODELAY: each answer,
    written in two pieces, would wait 40 ms for the client's acknowledgement.
    """
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="warning"
    )
    uvicorn.Server(config).run([socket.socket(fileno=fd)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
