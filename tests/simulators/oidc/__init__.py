"""A firm's identity provider on loopback, strict about what RFC 6749, RFC 7636 and OpenID Connect Core ask of a client.

It signs by `cryptography` and knows nothing of the library that checks: what one side believes and the other does must be able to disagree.
`forge` and `speak` are how it goes wrong.
"""

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

Json = dict[str, Any]
CODE_LIFE = timedelta(minutes=1)
TOKEN_LIFE = timedelta(minutes=5)
#: What a client must send to the authorisation endpoint, and what it may send besides: anything else is an oddity.
ASKED = {
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
}


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@cache
def private(name: str) -> rsa.RSAPrivateKey:
    """One for each name: making them takes longer than what is done with them."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Key:
    kid: str
    owner: str = ""

    @property
    def private(self) -> rsa.RSAPrivateKey:
        return private(f"{self.owner}:{self.kid}")

    @property
    def public(self) -> Json:
        numbers = self.private.public_key().public_numbers()
        n, e = (b64(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e}

    @property
    def pem(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def parts(header: Json, claims: Json) -> str:
    return ".".join(b64(json.dumps(one).encode()) for one in (header, claims))


def rs256(key: Key, header: Json, claims: Json) -> str:
    signed = parts(header, claims)
    return f"{signed}.{b64(key.private.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def hs256(secret: bytes, header: Json, claims: Json) -> str:
    """Signed with what everybody knows, for who takes a public key for a shared one."""
    signed = parts({**header, "alg": "HS256"}, claims)
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def unsigned(header: Json, claims: Json) -> str:
    return f"{parts({**header, 'alg': 'none'}, claims)}."


#: (key, header, claims) -> the ID token.
Forge = Callable[[Key, Json, Json], str]


class Idp:
    """`who`: the claims of whoever sits before the browser now · `asked`: the paths that were asked for, in order."""

    client, secret = "gengfu:bot", "s3cret of/the+firm"

    def __init__(self, clock: Callable[[], datetime], redirect: str) -> None:
        self.clock = clock
        self.redirect = redirect
        self.who: Json = {"sub": "u-1", "email": "li.na@example.com"}
        self.keys = [Key("k1")]
        self.forge: Forge = rs256
        self.methods = ["client_secret_basic"]
        self.more_keys: list[Json] = []
        self.speak: Callable[[Json], Json] = lambda discovery: discovery
        self.asked: list[str] = []
        self.oddities: list[str] = []
        self._codes: dict[str, tuple[Json, Json, datetime]] = {}
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(self._app(), log_config=None, access_log=False, lifespan="off", date_header=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> "Idp":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stops()

    def stops(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive(), "the stand-in did not stop"
        self._socket.close()

    def settings(self) -> dict[str, str]:
        return {"OIDC_ISSUER": self.url, "OIDC_CLIENT_ID": self.client, "OIDC_CLIENT_SECRET": self.secret}

    def rotates(self, kid: str) -> None:
        """A new key, and the old one is gone."""
        self.keys = [Key(kid)]

    def visited(self, url: str) -> str:
        """Whoever follows `url` logs in there and is sent back: the address they are sent to."""
        answer = httpx.get(url, trust_env=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def _app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.add_api_route("/.well-known/openid-configuration", self._discovery)
        app.add_api_route("/keys", self._keys)
        app.add_api_route("/authorize", self._authorize)
        app.add_api_route("/token", self._token, methods=["POST"])

        @app.middleware("http")
        async def note(request: Request, answer: Callable[[Request], Any]) -> Response:
            self.asked.append(request.url.path)
            response: Response = await answer(request)
            response.headers["date"] = format_datetime(self.clock(), usegmt=True)
            response.headers["connection"] = "close"  # the tests' browsers have a loop each, and connections belong to one
            return response

        return app

    async def _discovery(self) -> JSONResponse:
        said = {
            "issuer": self.url, "authorization_endpoint": f"{self.url}/authorize", "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "token_endpoint_auth_methods_supported": self.methods,
        }  # fmt: skip
        return JSONResponse(self.speak(said))

    async def _keys(self) -> JSONResponse:
        return JSONResponse({"keys": [*self.more_keys, *(key.public for key in self.keys)]})

    async def _authorize(self, request: Request) -> Response:
        given = dict(request.query_params)
        right = (
            given.keys() == ASKED
            and given["response_type"] == "code"
            and given["client_id"] == self.client
            and given["redirect_uri"] == self.redirect
            and "openid" in given["scope"].split()
            and given["code_challenge_method"] == "S256"
            and min(len(given[name]) for name in ("state", "nonce", "code_challenge")) >= 43
        )
        if not right:
            self.oddities.append(f"authorize {given}")
            return JSONResponse({"error": "invalid_request"}, 400)
        code = b64(hashlib.sha256(f"{len(self._codes)}:{given['state']}".encode()).digest())
        self._codes[code] = (given, dict(self.who), self.clock() + CODE_LIFE)
        return RedirectResponse(f"{self.redirect}?{urlencode({'code': code, 'state': given['state']})}", 302)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if not self._is_client(request.headers.get("authorization", ""), form):
            return JSONResponse({"error": "invalid_client"}, 401)
        given, who, ends = self._codes.pop(form.get("code", ""), ({}, {}, self.clock()))
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        fits = given and ends > self.clock() and form.get("redirect_uri") == self.redirect and challenge == given["code_challenge"]
        if not fits or form.get("grant_type") != "authorization_code":
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.url, "aud": self.client, "iat": now, "exp": now + int(TOKEN_LIFE.total_seconds()), "nonce": given["nonce"], **who,
        }  # fmt: skip
        key = self.keys[-1]
        token = self.forge(key, {"alg": "RS256", "typ": "JWT", "kid": key.kid}, claims)
        return JSONResponse({"access_token": "opaque", "token_type": "Bearer", "id_token": token})

    def _is_client(self, authorization: str, form: Json) -> bool:
        if self.methods == ["client_secret_post"]:
            return not authorization and (form.get("client_id"), form.get("client_secret")) == (self.client, self.secret)
        scheme, _, pair = authorization.partition(" ")
        name, _, secret = base64.b64decode(pair).decode().partition(":")
        return (scheme, unquote_plus(name), unquote_plus(secret)) == ("Basic", self.client, self.secret)


def path_of(url: str) -> str:
    """What a browser asks our server for."""
    found = urlsplit(url)
    return f"{found.path}?{found.query}"
