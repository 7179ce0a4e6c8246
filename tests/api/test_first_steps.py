"""The server answers, asks who one is, and shows people their own."""

from __future__ import annotations

import httpx2

from serving import House


def test_it_says_that_it_lives_and_that_it_is_ready(house: House) -> None:
    with house.stranger() as nobody:
        assert nobody.get("/healthz").json() == {"status": "ok"}
        assert nobody.get("/readyz").json() == {"is_ready": True, "database": "ok", "storage": "ok"}


def test_a_stranger_is_asked_to_sign_in(house: House) -> None:
    with house.stranger() as nobody:
        answer = nobody.get("/api/v1/campaigns")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_signed_in"


def test_everybody_is_who_their_token_says(ann: httpx2.Client, owner: httpx2.Client) -> None:
    assert ann.get("/api/v1/me").json()["email"] == "ann@example.com"
    assert owner.get("/api/v1/me").json()["role"] == "owner"


def test_a_path_that_leads_nowhere_is_a_problem_like_any_other(ann: httpx2.Client) -> None:
    answer = ann.get("/api/v1/nowhere")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert ann.get("/api/v1/campaigns").json() == {"items": [], "next_cursor": None}
