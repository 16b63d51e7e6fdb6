"""OpenID Connect as we use it: the authorization code flow with PKCE, against one provider.

What the provider says of itself, and its keys, are asked for once and kept for a while. Only this module imports
authlib, and only who has a provider in the settings imports this module: it is an extra of the package.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests import RequestException

from ticketing.clock import MINUTE_MS, ServerClock
from ticketing.errors import Failure
from ticketing.settings import is_safe_url
from ticketing.staff.identities import SUBJECT_LENGTH_MAX

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those of a key pair. With a shared key whoever knows the public one could sign; `none` signs nothing."""

ANSWER_SECONDS = 5.0
"""How long the provider may be silent."""

KEPT_MS = 10 * MINUTE_MS
"""How long the provider's description and keys are used before they are asked for again."""

PAUSE_MS = 3_000
"""How long nobody asks again after the provider did not answer, so that they do not queue for its silence."""

CLOCKS_APART_SECONDS = 60
"""How far the provider's clock may be from ours."""

Answer = TypeVar("Answer")


class ProviderFailed(Failure):
    """The provider did not answer, or not as one does. Nothing is wrong with who wants to sign in."""


class NotProven(Failure):
    """What the provider answered does not prove who this is."""


class CodeUsed(Failure):
    """The provider does not take the code (any more)."""


class Description(msgspec.Struct, frozen=True):
    """What a provider says of itself, as far as we need it (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class OpenIdProvider:
    """The provider of the settings. Safe to share between threads: what is kept is replaced as a whole."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, redirect_uri: str, clock: ServerClock
    ) -> None:
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._clock = clock
        self._description = _Kept(clock, self._ask_description)
        self._keys = _Kept(clock, self._ask_keys)

    def sign_in_url(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in there. Raises `ProviderFailed`."""
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._description.get().authorization_endpoint,
                state=state,
                nonce=nonce,
                code_verifier=verifier,
            )
        return str(url)

    def subject(self, code: str, nonce: str, verifier: str) -> str:
        """Who signed in there, by the code that the browser brought. Raises this module's failures."""
        token = self._redeem(code, verifier)
        try:
            return self._proven(str(token.get("id_token", "")), token, nonce)
        except (JoseError, ValueError, TypeError) as error:
            raise NotProven("the ID token is not good") from error

    def look(self) -> None:
        """Ask for the description and the keys now. Raises `ProviderFailed`."""
        self._description.renew()
        self._keys.renew()

    # The ID token

    def _proven(self, id_token: str, token: dict[str, Any], nonce: str) -> str:
        try:
            decoded = self._decoded(id_token, self._keys.get())
        except InvalidKeyIdError:  # its key is newer than ours; a code was paid for each asking
            decoded = self._decoded(id_token, self._keys.renew())
        wanted = {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        known = {
            "nonce": nonce,
            "client_id": self._client_id,
            "access_token": token.get("access_token"),
        }
        claims = CodeIDToken(decoded.claims, decoded.header, wanted, known)
        claims.validate(now=self._clock.now_ms() // 1000, leeway=CLOCKS_APART_SECONDS)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_LENGTH_MAX:
            raise ValueError("its subject is no name")
        return subject

    @staticmethod
    def _decoded(id_token: str, keys: KeySet) -> jwt.Token:
        return jwt.decode(
            id_token, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
        )

    # What the provider is asked

    def _redeem(self, code: str, verifier: str) -> dict[str, Any]:
        description = self._description.get()
        methods = description.token_endpoint_auth_methods_supported
        method = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        with self._session() as session:
            session.token_endpoint_auth_method = method
            try:
                token: dict[str, Any] = session.fetch_token(
                    description.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    redirect_uri=self._redirect_uri,
                )
            except OAuthError as error:
                if error.error == "invalid_grant":
                    raise CodeUsed("the provider does not take the code") from error
                raise ProviderFailed("the provider gives no token") from error
            except (RequestException, ValueError) as error:
                raise ProviderFailed("the provider gives no token") from error
        return token

    def _ask_description(self) -> Description:
        url = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            found = msgspec.json.decode(self._got(url), type=Description)
        except msgspec.DecodeError as error:
            raise ProviderFailed("the provider's description cannot be read") from error
        if found.issuer != self.issuer:
            raise ProviderFailed("the provider calls itself by another name") from ValueError(found.issuer)
        for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
            if not is_safe_url(address.partition("?")[0]):
                raise ProviderFailed("the provider names an unsafe address") from ValueError(address)
        return found

    def _ask_keys(self) -> KeySet:
        text = self._got(self._description.get().jwks_uri)
        try:
            return KeySet.import_key_set(msgspec.json.decode(text))
        except (JoseError, msgspec.DecodeError, ValueError, TypeError, LookupError) as error:
            raise ProviderFailed("the provider's keys cannot be read") from error

    def _got(self, url: str) -> bytes:
        with self._session() as session:
            try:
                answer = session.get(url, withhold_token=True)
                answer.raise_for_status()
            except RequestException as error:
                raise ProviderFailed("the provider does not answer") from error
        return bytes(answer.content)

    def _session(self) -> OAuth2Session:
        session = OAuth2Session(
            self._client_id,
            self._client_secret,
            scope="openid",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            default_timeout=ANSWER_SECONDS,
        )
        session.max_redirects = 0  # what we send is for the provider alone
        return session


class _Kept(Generic[Answer]):
    """An answer that is asked for when there is none, or when it is old; after a failure not at once again."""

    def __init__(self, clock: ServerClock, ask: Callable[[], Answer]) -> None:
        self._clock = clock
        self._ask = ask
        self._known: tuple[int, Answer] | None = None
        self._failed_at: int | None = None

    def get(self) -> Answer:
        known, now = self._known, self._clock.now_ms()
        if known is not None and now - known[0] < KEPT_MS:
            return known[1]
        if self._failed_at is not None and now - self._failed_at < PAUSE_MS:
            raise ProviderFailed("the provider did not answer a moment ago")
        return self.renew()

    def renew(self) -> Answer:
        try:
            answer = self._ask()
        except ProviderFailed:
            self._failed_at = self._clock.now_ms()
            raise
        self._known, self._failed_at = (self._clock.now_ms(), answer), None
        return answer
