"""Signing in over HTTP, and everything that somebody else would try at that door."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx2
import pytest

from api.browsers import OTHER, PHRASE, browser, sign_in, with_password
from reelwright.domain.account import Role
from reelwright.services.sessions import Visitor
from serving import House


@pytest.fixture(scope="module", autouse=True)
def people(house: House) -> None:
    """Ann and Vic, a viewer, can sign in."""
    with_password(house, "ann")
    with_password(house, "vic", Role.VIEWER)


def test_a_cookie_is_for_no_script_and_for_no_other_site(house: House) -> None:
    with browser(house) as client:
        answer = sign_in(client, "ann")
        assert answer.json()["email"] == "ann@example.com"
        cookie = answer.headers["set-cookie"]
        assert re.fullmatch(r"reelwright_session=[\w-]{43}; HttpOnly; Max-Age=\d+; Path=/; SameSite=lax", cookie)
        assert answer.headers["cache-control"] == "no-store"
        assert client.get("/api/v1/me").json()["scopes"] == ["produce", "read", "write"]


def test_with_https_before_us_a_cookie_is_kept_from_plain_http_and_from_neighbours(house: House) -> None:
    with browser(house, **{"X-Forwarded-Proto": "https"}) as client:
        answer = sign_in(client, "ann")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-reelwright_session=")
        assert "; Secure" in cookie
        secret = re.findall("=([^;]*);", cookie)[0]
        for name, status in (("__Host-reelwright_session", 200), ("reelwright_session", 401)):
            assert client.get("/api/v1/me", headers={"Cookie": f"{name}={secret}"}).status_code == status


def test_a_session_that_was_planted_opens_nothing_after_signing_in(house: House) -> None:
    with browser(house) as eve, browser(house) as ann:
        sign_in(eve, "vic")
        planted = eve.cookies["reelwright_session"]
        ann.cookies.set("reelwright_session", planted, domain="127.0.0.1")
        answer = sign_in(ann, "ann")
        assert planted not in answer.headers["set-cookie"]
        assert eve.get("/api/v1/me").status_code == 401
        made_up = {"Cookie": "reelwright_session=chosen-by-somebody-else"}
        assert planted != ann.cookies["reelwright_session"]
        assert eve.get("/api/v1/me", headers=made_up).status_code == 401


def test_a_stolen_cookie_is_worth_nothing_after_signing_out(house: House) -> None:
    with browser(house) as ann, browser(house) as thief:
        sign_in(ann, "ann")
        stolen = {"Cookie": f"reelwright_session={ann.cookies['reelwright_session']}"}
        assert thief.get("/api/v1/me", headers=stolen).status_code == 200
        out = ann.delete("/api/v1/session")
        assert out.status_code == 204
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert thief.get("/api/v1/me", headers=stolen).status_code == 401
        assert ann.delete("/api/v1/session").status_code == 204


def test_sessions_are_listed_and_ended_from_another_browser(house: House) -> None:
    with browser(house, **{"User-Agent": "Phone"}) as phone, browser(house, **{"User-Agent": "Desk"}) as desk:
        sign_in(phone, "vic")
        sign_in(desk, "vic")
        items = {each["device"]: each for each in desk.get("/api/v1/sessions").json()["items"]}
        assert (items["Desk"]["is_this"], items["Phone"]["is_this"]) == (True, False)
        assert desk.delete(f"/api/v1/sessions/{items['Phone']['id']}").status_code == 204
        assert phone.get("/api/v1/me").status_code == 401
        assert desk.delete(f"/api/v1/sessions/{items['Phone']['id']}").status_code == 404
        sign_in(phone, "vic")
        assert desk.delete("/api/v1/sessions").status_code == 204
        assert (phone.get("/api/v1/me").status_code, desk.get("/api/v1/me").status_code) == (401, 200)


def test_nobody_ends_a_session_of_somebody_else(house: House, bob: httpx2.Client) -> None:
    with browser(house) as ann:
        sign_in(ann, "ann")
        [mine] = [each for each in ann.get("/api/v1/sessions").json()["items"] if each["is_this"]]
        assert bob.delete(f"/api/v1/sessions/{mine['id']}").status_code == 404
        assert ann.get("/api/v1/me").status_code == 200


def test_wrong_and_unknown_are_answered_in_the_same_words_and_guessing_gets_slower(house: House) -> None:
    with_password(house, "target")
    with browser(house) as client:
        wrong, unknown = sign_in(client, "target", OTHER), sign_in(client, "nobody-at-all", OTHER)
        assert wrong.status_code == unknown.status_code == 401
        assert wrong.json() == unknown.json()
        answers = [sign_in(client, "target", f"{OTHER} {number}") for number in range(12)]
        refused = next(each for each in answers if each.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["code"] == "too_many_tries"
    with browser(house) as elsewhere:  # the address is what is tried, from wherever
        time.sleep(0.01)
        assert sign_in(elsewhere, "target").status_code in {200, 429}
        assert sign_in(elsewhere, "ann").status_code == 200


def test_a_viewer_keeps_their_own_sessions_and_password_in_order_and_changes_nothing_else(house: House) -> None:
    with browser(house) as vic:
        sign_in(vic, "vic")
        assert vic.patch("/api/v1/me", json={"name": "Victor"}).json()["name"] == "Victor"
        assert vic.put("/api/v1/me/password", json={"current": OTHER, "password": OTHER}).status_code == 403
        changed = vic.put("/api/v1/me/password", json={"current": PHRASE, "password": OTHER})
        assert changed.status_code == 200
        assert vic.get("/api/v1/me").status_code == 200
        back = vic.put("/api/v1/me/password", json={"current": OTHER, "password": PHRASE})
        assert back.status_code == 200
        assert vic.get("/api/v1/users").status_code == 403


def test_a_token_changes_no_password(bob: httpx2.Client) -> None:
    answer = bob.put("/api/v1/me/password", json={"current": PHRASE, "password": OTHER})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_person_without_a_password_has_none_to_change(house: House) -> None:
    user = house.person("new")
    new_here = house.run(lambda studio: studio.accounts.get(user))
    entry = house.run(lambda studio: studio.sign_in.enter(new_here, Visitor()))
    with browser(house, Cookie=f"reelwright_session={entry.secret}") as new:
        assert new.put("/api/v1/me/password", json={"current": "", "password": OTHER}).status_code == 409


def test_what_is_wrong_with_a_request_is_told_without_repeating_a_password(house: House) -> None:
    with browser(house) as client:
        for body in ({"email": "ann@example.com"}, {"email": 1, "password": PHRASE}, {"email": "x", "password": PHRASE * 20}):
            answer = client.post("/api/v1/session", json=body)
            assert answer.status_code == 422
            assert PHRASE not in answer.text
        assert client.post("/api/v1/session", content=b"{" + PHRASE.encode()).status_code == 422


def test_neither_passwords_nor_cookies_nor_links_are_in_a_log(house: House) -> None:
    with browser(house) as client:
        sign_in(client, "ann")
        secret = client.cookies["reelwright_session"]
        sign_in(client, "ann", "a guess that was logged")
        client.get(f"/password?key={secret}")
    logs = "".join(path.read_text() for path in Path(house.studio.settings.home, "logs").iterdir())
    assert "sign_in.refused" in logs
    for word in (PHRASE, OTHER, secret, "a guess that was logged"):
        assert word not in logs


@pytest.mark.parametrize(
    "cookie",
    ["reelwright_session=", "reelwright_session", "=;;;", "reelwright_session=\xff\x00", "a=b; reelwright_session=x" * 200],
)
def test_a_strange_cookie_is_nobodys(house: House, cookie: str) -> None:
    with house.stranger() as client:
        answer = client.get("/api/v1/me", headers=[(b"cookie", cookie.encode("latin-1").replace(b"\x00", b""))])
        assert answer.status_code in {400, 401, 431}
