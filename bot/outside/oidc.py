"""Login by the firm's own identity provider: OpenID Connect, authorisation code with PKCE (docs/adr/0013-login-by-the-firms-accounts.md).

What belongs together in one attempt (state, nonce, verifier) is derived from the one secret that the browser keeps: a callback that
comes from another browser fits nothing, and the shelf knows only that an attempt was begun and not yet used.
"""

import asyncio
import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx

from bot.platforms.core.contract import PlatformDown, Shelf
from bot.platforms.core.http import Answered, client, send
from storage.sessions import SIGN_ON_LIFE

if TYPE_CHECKING:  # 70 ms that only who logs in this way has to wait for
    from joserfc.jwk import Key, KeySet

#: How far the provider's clock may be off.
LEEWAY = timedelta(seconds=60)
#: How long what the provider says of itself, and its keys, are taken as known.
KNOWN_FOR = timedelta(hours=1)
#: So many attempts an address may begin.
MOST_BEGUN, BEGUN_WITHIN = 300, timedelta(minutes=10)
#: Signatures that only the provider can make; never `none`, never one whose key we share.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
_KEY_TYPES = ("RSA", "EC", "OKP")


class Away(Exception):
    """The provider does not answer, or not as one: `str()` tells an operator why."""


class NotProved(Exception):
    """Who came back has not shown who they are; `reason` is a word for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Client:
    """We, as the provider knows us."""

    issuer: str
    id: str
    secret: str = field(repr=False)
    redirect: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    authorization: str
    token: str
    keys: str
    posts: bool
    """our secret goes into the form: the provider takes no Basic authorisation"""
    apart: timedelta | None
    """how far the provider's clock is ahead of ours"""


@dataclass(slots=True)
class Kept:
    value: Any
    until: datetime


class Issuer:
    """The provider, over HTTP: what it says of itself, its keys, its tokens."""

    def __init__(self, us: Client, http: httpx.AsyncClient, now: Callable[[], datetime]) -> None:
        self.us = us
        self._http = http
        self._now = now
        self._kept: dict[str, Kept] = {}

    async def close(self) -> None:
        await self._http.aclose()

    async def endpoints(self) -> Endpoints:
        kept = self._kept.get("endpoints")
        if kept is None or kept.until <= self._now():
            answered = await self._ask("GET", f"{self.us.issuer.rstrip('/')}/.well-known/openid-configuration")
            kept = self._keep("endpoints", self._read(answered))
        found: Endpoints = kept.value
        return found

    def _read(self, answered: Answered) -> Endpoints:
        said = answered.values
        if answered.status != 200:
            raise Away(f"the discovery document is answered with {answered.status}")
        if said.get("issuer") != self.us.issuer:
            raise Away(f"the discovery document is of {said.get('issuer')!r}, and OIDC_ISSUER must be that to the letter")
        authorization, token, keys = (self._address(said, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
        methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        posts = "client_secret_basic" not in methods and "client_secret_post" in methods
        return Endpoints(authorization, token, keys, posts, self._apart(answered.headers.get("date", "")))

    def _address(self, said: Mapping[str, Any], name: str) -> str:
        """https, or, where the provider itself runs on this machine without, its own http."""
        address = str(said.get(name, ""))
        with suppress(ValueError):
            url, ours = urlsplit(address), urlsplit(self.us.issuer)
            if url.hostname and (url.scheme == "https" or (url.scheme, url.hostname) == (ours.scheme, ours.hostname)):
                return address
        raise Away(f"the discovery document has no {name} with https")

    def _apart(self, date: str) -> timedelta | None:
        try:
            return parsedate_to_datetime(date) - self._now()
        except (ValueError, TypeError):
            return None

    async def keys(self, *, again: bool = False) -> "KeySet":
        """Those that we could check a signature with; `again`: asked for anew."""
        from joserfc.jwk import KeySet

        kept = self._kept.get("keys")
        if again or kept is None or kept.until <= self._now():
            answered = await self._ask("GET", (await self.endpoints()).keys)
            kept = self._keep("keys", KeySet(_keys(answered.values.get("keys"))))
        found: KeySet = kept.value
        return found

    async def id_token(self, code: str, verifier: str) -> str:
        """Exchange the code, once."""
        endpoints, us = await self.endpoints(), self.us
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": us.redirect, "code_verifier": verifier}
        if endpoints.posts:
            answered = await self._ask("POST", endpoints.token, data={**form, "client_id": us.id, "client_secret": us.secret})
        else:
            # Both are form-encoded first (RFC 6749, 2.3.1): a colon in the id would end it.
            basic = httpx.BasicAuth(quote_plus(us.id), quote_plus(us.secret))
            answered = await self._ask("POST", endpoints.token, data=form, auth=basic)
        token, error = answered.values.get("id_token"), answered.values.get("error")
        if error == "invalid_grant":
            raise NotProved("code")
        if answered.status != 200 or not isinstance(token, str):
            raise Away(f"the token endpoint answers {answered.status}, {str(error)[:60]!r}, and no ID token")
        return token

    async def claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """What the token says, when the provider signed it just now, for us and for this attempt."""
        from joserfc.errors import InvalidKeyIdError, JoseError

        try:
            try:
                claims = _signed(token, await self.keys())
            except InvalidKeyIdError:  # the provider has changed its keys
                claims = _signed(token, await self.keys(again=True))
            _check(claims, self.us, nonce, int(self._now().timestamp()))
        except (JoseError, ValueError, TypeError) as error:
            raise NotProved(f"token:{type(error).__name__}:{str(error)[:60]}") from None
        return claims

    async def _ask(self, method: str, url: str, **what: Any) -> Answered:
        try:
            return await send(self._http, method, url, headers={"accept": "application/json"}, **what)
        except (PlatformDown, httpx.HTTPError) as error:
            raise Away(str(error) or type(error).__name__) from None

    def _keep(self, name: str, value: Any) -> Kept:
        self._kept[name] = Kept(value, self._now() + KNOWN_FOR)
        return self._kept[name]


class SignOn:
    """Attempts, from the button to the callback. `claim`: what of the ID token names the person."""

    def __init__(self, issuer: Issuer, claim: str, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self.issuer = issuer
        self._claim = claim
        self._shelf = shelf
        self._now = now

    async def close(self) -> None:
        await self.issuer.close()

    async def begin(self, browser: str, address: str) -> str:
        """Where the browser with this new secret is sent to. NotProved when its address begins too many."""
        endpoints, us = await self.issuer.endpoints(), self.issuer.us
        if not await asyncio.to_thread(self._shelf.spend, f"begun:{address}", MOST_BEGUN, BEGUN_WITHIN):
            raise NotProved("often")
        await asyncio.to_thread(self._shelf.put, _attempt(browser), "", self._now() + SIGN_ON_LIFE)
        challenge = _text(hashlib.sha256(_part(browser, "verifier").encode()).digest())
        asked = {
            "response_type": "code", "scope": "openid email profile", "client_id": us.id, "redirect_uri": us.redirect,
            "state": _part(browser, "state"), "nonce": _part(browser, "nonce"),
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        joint = "&" if urlsplit(endpoints.authorization).query else "?"
        return f"{endpoints.authorization}{joint}{urlencode(asked)}"

    async def finish(self, browser: str, state: str, code: str) -> str:
        """Who came back, in the provider's words. An attempt is good once, in the browser that began it."""
        if not browser or not hmac.compare_digest(state.encode(), _part(browser, "state").encode()):
            raise NotProved("state")
        if await asyncio.to_thread(self._shelf.take, _attempt(browser)) is None:
            raise NotProved("used")
        if not code:
            raise NotProved("cancelled")
        token = await self.issuer.id_token(code, _part(browser, "verifier"))
        claims = await self.issuer.claims(token, _part(browser, "nonce"))
        value = claims.get(self._claim)
        if self._claim == "email" and claims.get("email_verified", True) not in (True, "true"):
            raise NotProved("unverified")
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise NotProved(f"claim:{self._claim}")
        return str(value).strip()


def issuer(us: Client, now: Callable[[], datetime]) -> Issuer:
    return Issuer(us, client(us.issuer), now)


def _part(browser: str, purpose: Literal["state", "nonce", "verifier"]) -> str:
    return _text(hmac.new(browser.encode(), f"oidc:{purpose}".encode(), hashlib.sha256).digest())


def _attempt(browser: str) -> str:
    return f"attempt:{hashlib.sha256(browser.encode()).hexdigest()}"


def _text(digest: bytes) -> str:
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _keys(found: object) -> "list[Key]":
    """What we do not understand is passed over (RFC 7517, 5), and what two sides would share is no key of a signature."""
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    keys: list[Key] = []
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict) and one.get("kty") in _KEY_TYPES and one.get("use", "sig") == "sig":
            with suppress(JoseError, ValueError, TypeError, KeyError):
                keys.append(import_key(one))
    return keys


def _signed(token: str, keys: "KeySet") -> dict[str, Any]:
    from joserfc import jwt

    return jwt.decode(token, keys, algorithms=ALGORITHMS).claims


def _check(claims: dict[str, Any], us: Client, nonce: str, now: int) -> None:
    """OpenID Connect Core, 3.1.3.7. Raises JoseError or ValueError."""
    from joserfc.jwt import JWTClaimsRegistry

    JWTClaimsRegistry(
        now,
        int(LEEWAY.total_seconds()),
        iss={"essential": True, "value": us.issuer},
        aud={"essential": True, "value": us.id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    ).validate(claims)
    if claims.get("nonce") != nonce:  # the registry would also take a list that holds it
        raise ValueError("nonce")
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if several else us.id) != us.id:
        raise ValueError("azp")
