"""The owner adds people and lets them in no more; everybody makes tokens, and none of them grows."""

from __future__ import annotations

import httpx2
import pytest

from api.browsers import PHRASE, browser, sign_in, with_password
from reelwright.domain.account import Role, Scope
from serving import House


def test_the_owner_adds_somebody_who_chooses_a_password(house: House, owner: httpx2.Client) -> None:
    made = owner.post("/api/v1/users", json={"email": "New@Example.com", "name": "Newton", "role": "viewer"})
    assert made.status_code == 201
    person = made.json()
    assert (person["email"], person["role"], person["has_password"]) == ("new@example.com", "viewer", False)
    assert person["link"].startswith(f"{house.origin}/password?key=")
    with browser(house) as client:
        body = {"key": person["link"].partition("key=")[2], "password": PHRASE}
        assert client.post("/api/v1/password", json=body).json()["scopes"] == ["read"]
    listed = {each["email"]: each for each in owner.get("/api/v1/users").json()["items"]}
    assert listed["new@example.com"]["has_password"] is True
    assert "link" not in listed["new@example.com"]
    assert owner.get(f"/api/v1/users/{person['id']}").json()["name"] == "Newton"
    assert owner.post("/api/v1/users", json={"email": "new@example.com"}).status_code == 409
    assert owner.post("/api/v1/users", json={"email": "nobody"}).status_code == 422
    again = owner.post(f"/api/v1/users/{person['id']}/link")
    assert again.json()["link"] != person["link"]


def test_nobody_but_an_owner_sees_or_changes_people(house: House, ann: httpx2.Client) -> None:
    requests = (
        ("GET", "/api/v1/users"),
        ("POST", "/api/v1/users"),
        ("GET", "/api/v1/users/owner"),
        ("PATCH", "/api/v1/users/owner"),
        ("POST", "/api/v1/users/owner/link"),
    )
    with house.client("owner", Scope.READ, Scope.WRITE, Scope.PRODUCE) as narrow, house.stranger() as nobody:
        for method, path in requests:
            assert ann.request(method, path, json={"email": "x@y.z"}).status_code == 403
            assert narrow.request(method, path, json={"email": "x@y.z"}).status_code == 403
            assert nobody.request(method, path, json={"email": "x@y.z"}).status_code == 401


def test_a_disabled_person_is_out_at_once_and_may_come_again(house: House, owner: httpx2.Client) -> None:
    user = with_password(house, "dan")
    with browser(house) as desk, house.client("dan") as program:
        sign_in(desk, "dan")
        assert owner.patch(f"/api/v1/users/{user}", json={"is_disabled": True}).json()["disabled_at"]
        assert (desk.get("/api/v1/me").status_code, program.get("/api/v1/me").status_code) == (401, 401)
        assert sign_in(desk, "dan").status_code == 401
        assert owner.post(f"/api/v1/users/{user}/link").status_code == 409
        assert owner.patch(f"/api/v1/users/{user}", json={"is_disabled": False, "role": "viewer"}).json()["role"] == "viewer"
        assert sign_in(desk, "dan").json()["scopes"] == ["read"]
        assert program.get("/api/v1/me").status_code == 401


def test_the_last_owner_stays(owner: httpx2.Client) -> None:
    for change in ({"is_disabled": True}, {"role": "member"}):
        assert owner.patch("/api/v1/users/owner", json=change).status_code == 409
    assert owner.patch("/api/v1/users/nobody", json={"name": "x"}).status_code == 404


def test_a_narrow_token_of_an_owner_makes_nobody_mightier_than_itself(house: House) -> None:
    with house.client("owner", Scope.READ, Scope.WRITE, Scope.ADMIN) as narrow:
        for role in ("owner", "member"):
            assert narrow.post("/api/v1/users", json={"email": f"{role}@example.com", "role": role}).status_code == 403
        assert narrow.post("/api/v1/users/owner/link").status_code == 403
        vic = house.person("vic", Role.VIEWER)
        assert narrow.patch(f"/api/v1/users/{vic}", json={"role": "owner"}).status_code == 403
        assert narrow.patch(f"/api/v1/users/{vic}", json={"name": "Victor"}).status_code == 200


def test_a_token_is_told_once_and_ends_when_it_is_revoked(house: House, ann: httpx2.Client, bob: httpx2.Client) -> None:
    made = ann.post("/api/v1/tokens", json={"name": "films", "scopes": ["read"], "expires_in_days": 1})
    assert made.status_code == 201
    token = made.json()
    with house.stranger(headers={"Authorization": f"Bearer {token['token']}"}) as program:
        assert program.get("/api/v1/me").json()["scopes"] == ["read"]
        assert program.post("/api/v1/tokens", json={"name": "more"}).status_code == 403
        assert program.get("/api/v1/users").status_code == 403
        listed = ann.get("/api/v1/tokens")
        assert token["token"] not in listed.text
        [line] = [each for each in listed.json()["items"] if each["id"] == token["id"]]
        assert line["last_four"] == token["token"][-4:]
        assert line["used_at"]
        assert bob.delete(f"/api/v1/tokens/{token['id']}").status_code == 404
        assert ann.delete(f"/api/v1/tokens/{token['id']}").status_code == 204
        assert program.get("/api/v1/me").status_code == 401
        assert ann.delete(f"/api/v1/tokens/{token['id']}").status_code == 404


def test_a_token_never_makes_one_that_may_more(house: House) -> None:
    with house.client("ann", Scope.READ, Scope.WRITE) as narrow:
        for scopes in (["produce"], ["read", "admin"]):
            answer = narrow.post("/api/v1/tokens", json={"name": "wide", "scopes": scopes})
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert narrow.post("/api/v1/tokens", json={"name": "same"}).json()["scopes"] == ["read", "write"]
        for body in (
            {},
            {"name": ""},
            {"name": "x", "scopes": ["all"]},
            {"name": "x", "expires_in_days": 0},
            {"name": "a\u0000b"},
        ):
            assert narrow.post("/api/v1/tokens", json=body).status_code == 422


def test_an_owner_acts_for_somebody_by_naming_them_and_nobody_else_does(
    house: House, owner: httpx2.Client, ann: httpx2.Client
) -> None:
    user, bob = house.person("ann"), house.person("bob")
    acting = owner.get("/api/v1/me", headers={"X-Act-For": user}).json()
    assert acting["email"] == "ann@example.com"
    assert owner.get("/api/v1/me").json()["role"] == "owner"
    for who in (bob, user, "owner", "nobody"):
        answer = ann.get("/api/v1/me", headers={"X-Act-For": who})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert owner.get("/api/v1/me", headers={"X-Act-For": "nobody"}).status_code == 404
    with house.client("owner", Scope.READ) as narrow, house.stranger() as stranger:
        assert narrow.get("/api/v1/me", headers={"X-Act-For": user}).status_code == 403
        assert stranger.get("/api/v1/me", headers={"X-Act-For": user}).status_code == 401


def test_what_is_a_persons_own_nobody_does_for_them(house: House, owner: httpx2.Client) -> None:
    headers = {"X-Act-For": house.person("ann")}
    for method, path in (
        ("GET", "/api/v1/tokens"),
        ("POST", "/api/v1/tokens"),
        ("GET", "/api/v1/sessions"),
        ("PATCH", "/api/v1/me"),
        ("PUT", "/api/v1/me/password"),
    ):
        body = {"name": "x", "current": PHRASE, "password": PHRASE}
        assert owner.request(method, path, json=body, headers=headers).status_code == 403


@pytest.mark.parametrize("scheme", ["Basic", "Token", "bearer\t", ""])
def test_only_bearer_carries_a_token(house: House, scheme: str) -> None:
    user = house.person("ann")
    _, text = house.run(lambda studio: studio.accounts.create_token(user, "tests"))
    with house.stranger(headers={"Authorization": f"{scheme} {text}".strip()}) as client:
        assert client.get("/api/v1/me").status_code == 401
