"""Where a request comes from: which page of which site made it, from which machine, and whether anybody could listen."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_OWN_PAGES = frozenset({"same-origin", "none"})
"""What a browser says of a request that a page of ours, or the person in the address bar, has made."""
_OF_PROXIES = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_WITH_SECRETS = frozenset({"/setup", "/password", "/sign-in/oidc/callback"})
"""Pages whose query is a key, or an issuer's code."""


def is_secure(scope: Mapping[str, Any], headers: Headers, public_url: str) -> bool:
    """Whether the person's browser speaks https, be it to us or to a proxy before us."""
    if scope.get("scheme") == "https":
        return True
    public = urlsplit(public_url)
    return public.scheme == "https" and headers.get("host", "").lower() == public.netloc.lower()


def is_foreign(headers: Headers, public_url: str, *, is_known: bool) -> bool:
    """Whether somebody else's page may have made a request that changes something.

    Args:
        headers: of the request. A browser tells where it comes from, and no page can make it say something else.
        public_url: where the outside reaches this studio; empty where nobody has said.
        is_known: whether it brings a session. Then a browser sends it, and one that tells nothing is not believed.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in _OWN_PAGES
    origin = headers.get("origin")
    if origin is None:
        return is_known
    ours = {headers.get("host", "").lower(), urlsplit(public_url).netloc.lower()} - {""}
    return urlsplit(origin.lower()).netloc not in ours


def is_at_this_machine(scope: Mapping[str, Any], headers: Headers, public_url: str) -> bool:
    """Whether it is a person who opens a page in a browser on the machine that serves it.

    A name that was made to lead here (DNS rebinding) is not the machine's own, a page that loads another one in a frame or a
    script does not navigate, and what has come through a proxy may come from anywhere.
    """
    client = (scope.get("client") or ("",))[0]
    return (
        not public_url
        and scope.get("method") == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and not any(name in headers for name in _OF_PROXIES)
        and is_loopback(client)
        and is_loopback(_name_in(headers.get("host", "")))
    )


def is_loopback(host: str) -> bool:
    """Whether that is this machine's own name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_secret(scope: Mapping[str, Any]) -> bool:
    """Whether the address that is asked for holds a secret, so that no trace may tell of it."""
    path = str(scope.get("path", ""))
    return path in _WITH_SECRETS or path.startswith("/s/")


def own_origin(scope: Mapping[str, Any], headers: Headers, public_url: str) -> str:
    """The origin that links to this studio begin with."""
    if public_url:
        return public_url.rstrip("/")
    return f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"


def _name_in(host: str) -> str:
    """The name without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
