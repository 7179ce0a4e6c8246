"""Signing in through an issuer: a real one says who comes, and one that lies lets nobody in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.browsers import browser, with_password
from issuers import BACK, SECRET, Liar, lying_issuer, real_issuer, say_who
from serving import House, served

PEOPLE: Mapping[str, Mapping[str, object]] = {
    "ann-1": {"email": "Ann@Example.com", "email_verified": True, "name": "Ann of the issuer"},
    "ann-2": {"email": "ann@example.com", "email_verified": True, "name": "Another Ann"},
    "bob-1": {"email": "bob@example.com", "email_verified": False},
    "kim-1": {"email": "kim@ours.example", "email_verified": True, "name": "Kim"},
    "kim-2": {"email": "kim@evil-ours.example", "email_verified": True},
    "nobody": {},
}


def settings(issuer: str, **more: Any) -> dict[str, Any]:
    """What the studio is told about an issuer."""
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": "reelwright",
        "oidc_client_secret": SECRET,
        "oidc_name": "Example & Sons",
        "oidc_domains": "ours.example, other.example",
        "oidc_role": "viewer",
        **more,
    }


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A studio that believes a real issuer."""
    with (
        real_issuer(PEOPLE) as issuer,
        served(tmp_path_factory.mktemp("home"), works=False, settings=settings(issuer)) as house,
    ):
        yield house


@pytest.fixture(scope="module")
def liar() -> Iterator[Liar]:
    """An issuer that lies when it is told to."""
    with lying_issuer() as made:
        yield made


@pytest.fixture(scope="module")
def fooled(tmp_path_factory: pytest.TempPathFactory, liar: Liar) -> Iterator[House]:
    """A studio that asks the liar."""
    told = settings(liar.url, oidc_domains="*")
    with served(tmp_path_factory.mktemp("home"), works=False, settings=told) as house:
        yield house


def come_in(client: httpx2.Client, login: str, path: str = "/") -> httpx2.Response:
    """What the studio answers to somebody who has signed in at the issuer."""
    away = client.get("/sign-in/oidc", params={"next": path})
    assert away.status_code == 303, away.text
    return client.get(say_who(away.headers["location"], login))


def test_a_newcomer_of_an_invited_domain_comes_in_and_is_the_same_the_next_time(joined: House) -> None:
    seen: set[str] = set()
    for _ in range(2):
        with browser(joined) as client:
            page = client.get("/sign-in", params={"next": "/api/v1/me"}).text
            assert "Sign in with Example &amp; Sons" in page
            answer = come_in(client, "kim-1", "/api/v1/me")
            assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/me")
            me = client.get("/api/v1/me").json()
            assert (me["email"], me["name"], me["role"], me["has_password"]) == ("kim@ours.example", "Kim", "viewer", False)
            seen.add(me["id"])
            assert "reelwright_oidc" not in client.cookies
    assert len(seen) == 1


def test_a_person_is_known_again_by_an_address_that_the_issuer_vouches_for(joined: House) -> None:
    user = with_password(joined, "ann")
    with browser(joined) as client:
        assert come_in(client, "ann-1").status_code == 303
        assert client.get("/api/v1/me").json()["id"] == user
    with browser(joined) as other:  # the address was given to somebody else meanwhile
        answer = come_in(other, "ann-2")
        assert answer.status_code == 403
        assert "belongs to another account" in answer.text
        assert other.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize(
    ("login", "words"), [("bob-1", "really yours"), ("kim-2", "Nobody has invited"), ("nobody", "really yours")]
)
def test_an_address_without_proof_or_invitation_opens_nothing(joined: House, login: str, words: str) -> None:
    joined.person("bob")
    with browser(joined) as client:
        answer = come_in(client, login)
        assert answer.status_code == 403
        assert words in answer.text
        assert client.get("/api/v1/me").status_code == 401


def test_a_disabled_person_does_not_come_in_by_the_other_door(joined: House) -> None:
    with browser(joined) as client:
        come_in(client, "kim-1")
        user = client.get("/api/v1/me").json()["id"]
        joined.run(lambda studio: studio.accounts.change(user, is_disabled=True))
        assert client.get("/api/v1/me").status_code == 401
        answer = come_in(client, "kim-1")
        assert answer.status_code == 401
        assert "disabled" in answer.text
        joined.run(lambda studio: studio.accounts.change(user, is_disabled=False))


def test_a_code_is_of_use_in_one_browser_once(joined: House) -> None:
    with browser(joined) as client, browser(joined) as other:
        mine, theirs = (each.get("/sign-in/oidc").headers["location"] for each in (client, other))
        back = say_who(theirs, "kim-1")
        assert client.get(back).status_code == 401  # another browser's state
        assert "reelwright_session" not in client.cookies
        assert client.get(say_who(mine, "kim-1")).status_code == 401  # its cookie is gone with the first try
        assert other.get(back).status_code == 303
        assert other.get(back).status_code == 401
    with browser(joined) as client:
        away = client.get("/sign-in/oidc").headers["location"]
        assert "code_challenge_method=S256" in away
        for query in ("", "?code=c", "?state=", "?error=access_denied", "?code=c&state=made-up"):
            client.get("/sign-in/oidc")
            assert client.get(BACK + query).status_code == 401


def test_an_answer_that_names_another_issuer_or_none_is_refused(joined: House) -> None:
    for change in ("&iss=https%3A%2F%2Fevil.example", ""):
        with browser(joined) as client:
            back = say_who(client.get("/sign-in/oidc").headers["location"], "kim-1")
            honest, _, _ = back.partition("&iss=")
            assert client.get(honest + change).status_code == 401


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_coming_back_leads_to_our_own_pages_only(joined: House, path: str) -> None:
    with browser(joined) as client:
        assert come_in(client, "kim-1", path).headers["location"] == "/"


LIES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"aud": "somebody-else"}, {}, {}),
    ({"aud": ["reelwright", "somebody-else"], "azp": "somebody-else"}, {}, {}),
    ({"iss": "https://evil.example"}, {}, {}),
    ({"nonce": "of another sign-in"}, {}, {}),
    ({"nonce": None}, {}, {}),
    ({"exp": 1}, {}, {}),
    ({"exp": None}, {}, {}),
    ({"iat": 99_999_999_999}, {}, {}),
    ({"sub": ""}, {}, {}),
    ({"sub": None}, {}, {}),
    ({}, {"alg": "none"}, {}),
    ({}, {"alg": "HS256"}, {}),
    ({}, {"kid": "stranger"}, {}),
    ({}, {"kid": "nobody"}, {}),
    ({"email": None}, {}, {"sub": "somebody-else"}),
    ({"email": "x" * 300 + "@example.com"}, {}, {}),
]


@pytest.mark.parametrize(("claims", "header", "userinfo"), LIES, ids=str)
def test_an_id_token_that_does_not_hold_lets_nobody_in(
    fooled: House, liar: Liar, claims: dict[str, Any], header: dict[str, Any], userinfo: dict[str, Any]
) -> None:
    liar.claims, liar.header, liar.userinfo = claims, header, userinfo
    with browser(fooled) as client:
        away = client.get("/sign-in/oidc").headers["location"]
        answer = client.get(liar.come_back(away))
        assert answer.status_code in {401, 422}
        assert client.get("/api/v1/me").status_code == 401


def test_an_honest_word_of_the_same_issuer_is_believed_and_the_secret_goes_to_nobody_else(fooled: House, liar: Liar) -> None:
    liar.claims, liar.header, liar.userinfo = {"email": None, "email_verified": None}, {}, {}
    with browser(fooled) as client:
        away = client.get("/sign-in/oidc").headers["location"]
        assert SECRET not in away
        assert client.get(liar.come_back(away)).status_code == 303
        assert client.get("/api/v1/me").json()["email"] == "liar@example.com"
    assert liar.asked[-1]["authorization"].startswith("Basic ")
    assert len(liar.asked[-1]["code_verifier"]) >= 43
    logs = "".join(path.read_text() for path in Path(fooled.studio.settings.home, "logs").iterdir())
    assert "openid.refused" in logs
    assert SECRET not in logs


def test_an_issuer_that_does_not_answer_or_calls_itself_otherwise_is_told(tmp_path: Path, liar: Liar) -> None:
    with served(tmp_path / "gone", works=False, settings=settings("http://127.0.0.1:9")) as house, browser(house) as client:
        answer = client.get("/sign-in/oidc")
        assert answer.status_code == 401
        assert "did not say who you are" in answer.text
    liar.doors = {"issuer": "https://evil.example"}
    with served(tmp_path / "other", works=False, settings=settings(liar.url)) as house, browser(house) as client:
        assert client.get("/sign-in/oidc").status_code == 401
    liar.doors = {}


def test_a_made_up_host_is_nowhere_to_come_back_to(joined: House) -> None:
    with browser(joined) as client:
        answer = client.get("/sign-in/oidc", headers={"Host": "evil.example"})
        assert answer.status_code == 409
        assert "REELWRIGHT_PUBLIC_URL" in answer.text


def test_without_an_issuer_that_door_does_not_exist(house: House) -> None:
    with browser(house) as client:
        assert client.get("/sign-in/oidc").status_code == 404
        assert client.get(BACK).status_code == 404
        assert "Sign in with" not in client.get("/sign-in").text
