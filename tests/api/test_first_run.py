"""A new studio: on one's own machine it asks for nothing, and nobody else gets in by that door."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.browsers import NAVIGATING, OTHER, PHRASE
from reelwright.api.origins import is_loopback, is_secret
from serving import House, served


@pytest.fixture
def new(tmp_path: Path) -> Iterator[House]:
    """A studio that nobody has set up."""
    with served(tmp_path / "home", works=False) as house:
        yield house


def test_a_page_opened_on_the_machine_itself_needs_no_word_until_somebody_has_a_password(new: House) -> None:
    own = {"Origin": new.origin}
    with new.stranger() as person, new.stranger() as script:
        assert person.get("/api/v1/me").status_code == 401
        page = person.get("/", headers=NAVIGATING)
        assert page.status_code == 200
        assert "Set up the studio" in page.text
        assert person.get("/api/v1/me").json()["role"] == "owner"
        assert person.get("/setup").status_code == 200
        wanted = {"email": "own@example.com", "name": "Olive", "password": PHRASE}
        assert script.post("/api/v1/setup", json=wanted).status_code == 403
        before = person.cookies["reelwright_session"]
        assert person.post("/api/v1/setup", json=wanted, headers=own).json()["name"] == "Olive"
        assert person.cookies["reelwright_session"] != before
        assert script.get("/api/v1/me", headers={"Cookie": f"reelwright_session={before}"}).status_code == 401
        assert script.get("/", headers=NAVIGATING).headers["location"] == "/sign-in"
        assert person.post("/api/v1/setup", json=wanted, headers=own).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**NAVIGATING, "Host": "attacker.example"},
        {**NAVIGATING, "Host": "127.0.0.1.attacker.example:8000"},
        {**NAVIGATING, "Host": "studio.lan"},
        {**NAVIGATING, "Host": "[::ffff:8.8.8.8]"},
        {**NAVIGATING, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
        {**NAVIGATING, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {**NAVIGATING, "Sec-Fetch-Dest": "iframe"},
        {**NAVIGATING, "X-Forwarded-For": "127.0.0.1"},
        {**NAVIGATING, "X-Forwarded-For": "198.51.100.7"},
        {**NAVIGATING, "Forwarded": "for=127.0.0.1"},
        {**NAVIGATING, "Via": "1.1 proxy"},
        {**NAVIGATING, "X-Real-IP": "127.0.0.1"},
    ],
)
def test_whatever_does_not_sit_at_this_machine_is_sent_to_sign_in(first_run: House, headers: dict[str, str]) -> None:
    with first_run.stranger(headers=headers) as client:
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        assert "set-cookie" not in answer.headers


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One that stays so."""
    with served(tmp_path_factory.mktemp("home"), works=False) as house:
        yield house


def test_a_studio_with_a_public_address_asks_everybody(tmp_path: Path) -> None:
    with served(tmp_path / "home", works=False, settings={"public_url": "https://studio.example"}) as house:
        with house.stranger(headers=NAVIGATING) as client:
            assert client.get("/").status_code == 303
        link = house.run(lambda studio: studio.links.welcome())
        assert link is not None
        with house.stranger() as client:
            assert client.get(link).status_code == 200
            key = link.partition("key=")[2]
            answer = client.post(
                "/setup",
                data={"key": key, "email": "own@example.com", "name": "Own", "password": PHRASE},
                headers={"Host": "studio.example"},
            )
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            assert answer.headers["set-cookie"].startswith("__Host-reelwright_session=")


def test_a_set_up_link_works_once_and_says_so(new: House) -> None:
    link = new.run(lambda studio: studio.links.welcome())
    assert link is not None
    form = {"key": link.partition("key=")[2], "email": "own@example.com", "name": "Own", "password": "short"}
    with new.stranger() as client:
        refused = client.post("/setup", data=form)
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
        assert "10 to 256 characters" in refused.text
        assert 'value="own@example.com"' in refused.text
        form["password"] = PHRASE
        assert client.post("/setup", data=form).status_code == 303
        assert client.get("/").status_code == 200
    with new.stranger() as other:
        assert other.get(link).status_code == 404
        form["password"] = OTHER
        assert other.post("/setup", data=form).status_code == 404
        assert other.get("/setup?key=made-up").status_code == 404
        assert other.get("/setup").headers["location"] == "/sign-in"


def test_a_studio_that_others_can_reach_asks_also_who_sits_at_it(tmp_path: Path) -> None:
    with served(tmp_path / "home", works=False, host="0.0.0.0") as house, house.stranger(headers=NAVIGATING) as client:
        answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    for host in ("0.0.0.0", "::", "192.0.2.1", "studio.lan", "127.0.0.1.example", ""):
        assert not is_loopback(host)


@pytest.mark.parametrize("path", ["/setup", "/password", "/sign-in/oidc/callback"])
def test_an_address_that_is_a_secret_is_in_no_trace(path: str) -> None:
    assert is_secret({"path": path})
    assert not is_secret({"path": "/api/v1/me"})
