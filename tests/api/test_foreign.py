"""Other sites' pages, in a browser that is signed in here, change nothing (CSRF)."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from api.browsers import PHRASE, browser, sign_in, with_password
from serving import House


@pytest.fixture(scope="module")
def signed_in(house: House) -> Iterator[httpx2.Client]:
    """Ann's browser, with no header that says which page asks."""
    with_password(house, "ann")
    with browser(house) as client:
        sign_in(client, "ann")
        del client.headers["Origin"]
        yield client


FOREIGN = [
    {},  # a browser says where it comes from
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Referer": "https://evil.example/"},
    {"X-HTTP-Method-Override": "GET"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_request_of_another_sites_page_is_refused(signed_in: httpx2.Client, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/api/v1/tokens"),
        ("DELETE", "/api/v1/sessions"),
        ("PATCH", "/api/v1/me"),
        ("POST", "/sign-out"),
    ):
        answer = signed_in.request(method, path, headers=headers, json={"name": "evil"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert signed_in.get("/api/v1/me", headers=headers).json()["name"] == "ann"


def test_our_own_pages_are_let_through(house: House, signed_in: httpx2.Client) -> None:
    for headers in ({"Origin": house.origin}, {"Origin": house.origin.upper()}, {"Sec-Fetch-Site": "same-origin"}):
        assert signed_in.patch("/api/v1/me", json={"name": "ann"}, headers=headers).status_code == 200


@pytest.mark.usefixtures("signed_in")
def test_another_site_signs_nobody_in_either(house: House) -> None:
    with house.stranger() as client:
        body = {"email": "ann@example.com", "password": PHRASE}
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert client.post("/api/v1/session", json=body, headers=headers).status_code == 403
            assert client.post("/sign-in", data=body, headers=headers).status_code == 403
        assert client.post("/api/v1/session", json=body).status_code == 200  # no browser, no session: nothing to misuse


def test_a_token_needs_no_page_and_a_cookie_does_not_help_a_bad_one(bob: httpx2.Client, signed_in: httpx2.Client) -> None:
    assert bob.patch("/api/v1/me", json={"name": "bob"}, headers={"Origin": "https://evil.example"}).status_code == 200
    for value in ("Bearer made-up", "bearer", "Bearer reel_" + "x" * 43):
        assert signed_in.get("/api/v1/me", headers={"Authorization": value}).status_code == 401
