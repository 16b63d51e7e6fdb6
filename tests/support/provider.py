"""A small OpenID Connect provider on a port of its own: discovery, keys, a page to agree on, and tokens.

It holds its clients to the protocol (address to come back to, secret, PKCE, a code once), and signs by RS256. Where a
test makes it lie, it lies in one thing and is honest in all others.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "ticketing", "a-secret-of-the-client"

Answer = tuple[int, dict[str, str], bytes]
Sign = Callable[["Provider", dict[str, Any]], str]


def by_rs256(provider: "Provider", claims: dict[str, Any]) -> str:
    """As an honest provider signs."""
    return jwt.encode({"alg": "RS256", "kid": provider.key.kid or ""}, claims, provider.key)


def by_nobody(provider: "Provider", claims: dict[str, Any]) -> str:
    """Unsigned: `alg` is `none`."""
    return _parts({"alg": "none", "kid": provider.key.kid}, claims) + "."


def by_public_key(provider: "Provider", claims: dict[str, Any]) -> str:
    """By HS256, with the public key that everybody can read for a shared one."""
    signed = _parts({"alg": "HS256", "kid": provider.key.kid}, claims)
    shared = provider.key.as_pem(private=False)
    return f"{signed}.{_text(hmac.digest(shared, signed.encode(), 'sha256'))}"


def by_another(provider: "Provider", claims: dict[str, Any]) -> str:
    """By a key of somebody else, under the name of the provider's."""
    return jwt.encode({"alg": "RS256", "kid": provider.key.kid or ""}, claims, _new_key())


def _parts(*parts: dict[str, Any]) -> str:
    return ".".join(_text(json.dumps(part).encode()) for part in parts)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)


class Provider:
    """Whoever comes agrees at once and is `subject`; `changes` go into the claims, None takes one away."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.back = ""
        self.key = _new_key()
        self.subject = "subject-1"
        self.sign: Sign = by_rs256
        self.changes: dict[str, Any] = {}
        self.denies = False
        self.now: Callable[[], int] = lambda: int(time.time())
        self.is_down = False
        self.describes: dict[str, str] = {}
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def rotate(self) -> None:
        """Sign with another key from now on, and publish only that."""
        self.key = _new_key()

    def agree(self, url: str) -> str:
        """Where a person who agrees at `url` is sent: what the button on the page leads to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        wanted = {"client_id": CLIENT_ID, "redirect_uri": self.back, "response_type": "code"}
        assert {name: asked.get(name) for name in wanted} == wanted
        assert (asked["code_challenge_method"], "openid" in asked["scope"].split()) == ("S256", True)
        answer = {"state": asked["state"]}
        if self.denies:
            answer["error"] = "access_denied"
        else:
            answer["code"] = secrets.token_urlsafe(8)
            self._codes[answer["code"]] = asked
        return f"{self.back}?{urlencode(answer)}"

    def answer(self, method: str, path: str, authorization: str, body: str) -> Answer:
        """One request."""
        name = urlsplit(path).path
        self.asked.append(name)
        if self.is_down:
            return 503, {}, b"closed"
        if name == "/.well-known/openid-configuration":
            return _json(200, self._description() | self.describes)
        if name == "/keys":
            return _json(200, {"keys": [self.key.as_dict(private=False)]})
        if name == "/authorize":
            page = f'<title>Provider</title><a href="{escape(self.agree(path))}">Agree</a>'
            return 200, {"content-type": "text/html"}, page.encode()
        if (method, name) == ("POST", "/token"):
            return self._token(authorization, {key: values[0] for key, values in parse_qs(body).items()})
        return 404, {}, b""

    def _description(self) -> dict[str, str]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def _token(self, authorization: str, form: dict[str, str]) -> Answer:
        client = base64.b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        if client != [CLIENT_ID, CLIENT_SECRET]:
            return _json(401, {"error": "invalid_client"})
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = _text(digest)
        if asked is None or asked["code_challenge"] != challenge or form["redirect_uri"] != self.back:
            return _json(400, {"error": "invalid_grant"})
        now = self.now()
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        kept = {name: value for name, value in (claims | self.changes).items() if value is not None}
        token = {"access_token": "x", "token_type": "Bearer", "id_token": self.sign(self, kept)}
        return _json(200, token)


def _json(status: int, document: Any) -> Answer:
    return status, {"content-type": "application/json"}, json.dumps(document).encode()


@contextmanager
def running_provider(host: str = "127.0.0.1") -> Iterator[Provider]:
    """A provider that answers on this machine under a name of it; `back` is for the test to set."""
    provider: Provider

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(size).decode()
            authorization = self.headers.get("authorization", "")
            status, headers, content = provider.answer(self.command, self.path, authorization, body)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(f"http://{host}:{server.server_port}")
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
