"""OpenID Connect: how an issuer is asked who somebody is. Whether that person may come in is decided elsewhere.

Authorization code with PKCE, state and nonce. All three are made from one secret that only the visitor's own cookie holds, so no
replica has to remember who was sent away, and who comes back with somebody else's code has the wrong cookie.
"""

from __future__ import annotations

import hmac
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast
from urllib.parse import quote_plus

import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # pyright: ignore[reportUnknownVariableType] - it has no types
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # pyright: ignore[reportUnknownVariableType] - as above
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, Field, ValidationError

from reelwright.domain.account import Role
from reelwright.errors import NotSignedIn, ReelwrightError
from reelwright.net import Net, redact
from reelwright.net.guard import origin_of, parse
from reelwright.net.redaction import remember

_log = structlog.get_logger()
_PATIENCE = 20.0
"""Seconds for one answer of an issuer: a person waits."""
_KNOWN_FOR = 3600.0
"""Seconds after which the issuer is asked anew where its doors are."""
_LEEWAY = 120
"""Seconds by which its clock may differ from ours."""
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures that the issuer alone can make; never one with a secret that is shared, and never none."""
_KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
_grant_uri = cast("Callable[..., str]", prepare_grant_uri)
_challenge_of = cast("Callable[[str], str]", create_s256_code_challenge)


@dataclass(frozen=True)
class Issuer:
    """An issuer, as the settings name it."""

    url: str
    client_id: str
    client_secret: str = field(repr=False, default="")
    name: str = "single sign-on"
    """What the button says after "Sign in with"."""
    domains: frozenset[str] = frozenset()
    """The part of an address after its `@` with which somebody may come whom nobody has invited; `*` for all."""
    role: Role = Role.MEMBER
    """What such newcomers are."""


@dataclass(frozen=True)
class Claims:
    """What an issuer says of a person."""

    issuer: str
    subject: str
    email: str = ""
    """In small letters; empty unless the issuer says that it is really theirs."""
    name: str = ""


class _Doors(BaseModel):
    """What we need of the issuer's own description."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    id_token_signing_alg_values_supported: list[str] = ["RS256"]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(BaseModel):
    id_token: str
    access_token: str


class _Person(BaseModel):
    sub: str = Field(min_length=1, max_length=255)
    email: str = ""
    email_verified: bool = False
    name: str = ""
    preferred_username: str = ""


class OpenId:
    """Asks one issuer."""

    def __init__(self, net: Net, issuer: Issuer) -> None:
        self._net = net
        self.issuer = issuer
        self._trusted = frozenset({origin_of(parse(issuer.url))})
        self._doors: tuple[float, _Doors] | None = None
        remember(issuer.client_secret)

    async def send_away(self, secret: str, back_to: str) -> str:
        """The URL at the issuer where a visitor says who they are.

        Args:
            secret: what the visitor's cookie holds meanwhile.
            back_to: our own URL to which they are sent back.

        Raises:
            NotSignedIn: the issuer does not answer.
        """
        doors = await self._find_doors()
        return _grant_uri(
            doors.authorization_endpoint,
            self.issuer.client_id,
            "code",
            redirect_uri=back_to,
            scope="openid email profile",
            state=_made_of(secret, "state"),
            nonce=_made_of(secret, "nonce"),
            code_challenge=_challenge_of(_verifier(secret)),
            code_challenge_method="S256",
        )

    async def who_came_back(self, secret: str, back_to: str, answer: Mapping[str, str]) -> Claims:
        """Who that is, by the query with which they came back.

        Args:
            secret: what their cookie holds.
            back_to: as it was for `send_away`.
            answer: the query.

        Raises:
            NotSignedIn: they were not sent away from here, they said no, or the issuer does not stand by it.
        """
        if not secret or not hmac.compare_digest(answer.get("state", "").encode(), _made_of(secret, "state").encode()):
            msg = "This sign-in was not begun in this browser, or too long ago: begin again."
            raise NotSignedIn(msg)
        doors = await self._find_doors()
        is_told = "iss" in answer or doors.authorization_response_iss_parameter_supported
        if is_told and answer.get("iss") != doors.issuer:
            raise self._refused("the answer comes from another issuer")
        if "error" in answer or not answer.get("code"):
            raise self._refused(f"it answered {answer.get('error', 'nothing')[:80]!r}")
        tokens = await self._exchange(doors, answer["code"], secret, back_to)
        person = await self._read(doors, tokens, _made_of(secret, "nonce"))
        if not person.email:
            person = await self._ask_more(doors, tokens, person)
        email = person.email.strip().lower() if person.email_verified else ""
        return Claims(doors.issuer, person.sub, email, (person.name or person.preferred_username).strip())

    async def _find_doors(self) -> _Doors:
        if self._doors is not None and monotonic() - self._doors[0] < _KNOWN_FOR:
            return self._doors[1]
        found = await self._get(f"{self.issuer.url.rstrip('/')}/.well-known/openid-configuration")
        try:
            doors = _Doors.model_validate(found)
        except ValidationError as error:
            raise self._refused(f"its description is not complete ({error.error_count()} faults)") from error
        if doors.issuer.rstrip("/") != self.issuer.url.rstrip("/"):
            raise self._refused("it calls itself by another name than REELWRIGHT_OIDC_ISSUER")
        self._doors = (monotonic(), doors)
        return doors

    async def _exchange(self, doors: _Doors, code: str, secret: str, back_to: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back_to,
            "code_verifier": _verifier(secret),
        }
        headers: dict[str, str] = {"Accept": "application/json"}
        if self.issuer.client_secret and "client_secret_basic" in doors.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(self.issuer.client_id)}:{quote_plus(self.issuer.client_secret)}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = self.issuer.client_id
            if self.issuer.client_secret:
                form["client_secret"] = self.issuer.client_secret
        answered = await self._ask("POST", doors.token_endpoint, headers=headers, form=form)
        try:
            return _Tokens.model_validate(answered)
        except ValidationError as error:
            raise self._refused("it gave no tokens") from error

    async def _read(self, doors: _Doors, tokens: _Tokens, nonce: str) -> _Person:
        """What the id token says, once its signature, its times and whom it was made for are checked."""
        algorithms = sorted(_ALGORITHMS.intersection(doors.id_token_signing_alg_values_supported))
        registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
        try:
            token = jwt.decode(tokens.id_token, _keys(await self._get(doors.jwks_uri)), registry=registry)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {"iss": {"essential": True, "value": doors.issuer}, "aud": {"essential": True, "value": self.issuer.client_id}},
                {"nonce": nonce, "client_id": self.issuer.client_id, "access_token": tokens.access_token},
            )
            cast("Any", claims).validate(leeway=_LEEWAY)
            return _Person.model_validate(token.claims)
        except (JoseError, ValidationError, ValueError, KeyError, TypeError) as error:
            raise self._refused(f"its id token does not hold ({type(error).__name__}: {redact(str(error))[:200]})") from error

    async def _ask_more(self, doors: _Doors, tokens: _Tokens, person: _Person) -> _Person:
        """What the id token left out, where the issuer tells it at another door."""
        if not doors.userinfo_endpoint:
            return person
        headers = {"Authorization": f"Bearer {tokens.access_token}", "Accept": "application/json"}
        try:
            told = _Person.model_validate(await self._ask("GET", doors.userinfo_endpoint, headers=headers))
        except ValidationError as error:
            raise self._refused("what it says of the person cannot be read") from error
        if told.sub != person.sub:
            raise self._refused("it says two things of whom that is")
        return told

    async def _get(self, url: str) -> object:
        return await self._ask("GET", url, headers={"Accept": "application/json"})

    async def _ask(self, method: str, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None = None) -> object:
        try:
            answer = await self._net.request_json(
                method, url, headers=headers, form=form, timeout_seconds=_PATIENCE, trusted_origins=self._trusted
            )
        except ReelwrightError as error:
            raise self._refused(error.message) from error
        return answer.body

    def _refused(self, reason: str) -> NotSignedIn:
        """What the visitor is told; the reason is for whoever runs the studio."""
        _log.warning("openid.refused", issuer=self.issuer.url, reason=reason)
        return NotSignedIn(f"{self.issuer.name} did not say who you are. Try again; the log of the studio tells the reason.")


def _made_of(secret: str, purpose: str) -> str:
    """A value that shows nothing of the secret, the same each time."""
    return urlsafe_b64encode(hmac.digest(secret.encode(), purpose.encode(), "sha256")).decode().rstrip("=")


def _verifier(secret: str) -> str:
    return _made_of(secret, "verifier")


def _keys(document: object) -> KeySet:
    """The issuer's keys that sign; a kind that we do not know is passed over."""
    found: Any = cast("dict[str, Any]", document).get("keys") if isinstance(document, dict) else None
    keys = cast("list[dict[str, str]]", found or [])
    usable: list[Any] = [key for key in keys if key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"]
    return KeySet.import_key_set({"keys": usable})
