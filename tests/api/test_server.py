"""What goes around every route: headers, figures, a line in the log, limits, and an end in order."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest

from reelwright.domain.account import Scope
from serving import House, served


def test_every_answer_tells_a_browser_to_trust_nothing(house: House, ann: httpx2.Client) -> None:
    with house.stranger() as nobody:
        answers = [
            nobody.get("/healthz"),
            nobody.get("/nowhere"),
            ann.get("/api/v1/me"),
            ann.post("/api/v1/campaigns", content=b"{"),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers  # plain http: a browser would never come back


def test_behind_tls_a_browser_is_told_to_stay_there(tmp_path: Path) -> None:
    with served(tmp_path, works=False, settings={"public_url": "https://studio.example"}) as house, house.stranger() as nobody:
        answer = nobody.get("/healthz", headers={"Host": "studio.example"})
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


def test_figures_are_for_this_machine_or_for_an_administrator(house: House, ann: httpx2.Client) -> None:
    ann.get("/api/v1/me")
    with house.stranger() as nobody:
        figures = nobody.get("/metrics").text
        through_proxy = nobody.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert 'reelwright_http_requests_total{operation="show_me",status="200"}' in figures
    assert "reelwright_leads 1.0" in figures
    assert through_proxy.status_code == 403
    with house.client("owner", Scope.ADMIN) as admin:
        assert admin.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 200


def test_every_request_has_a_number_and_a_line_in_the_log_without_its_secrets(tmp_path: Path) -> None:
    with served(tmp_path, works=False) as house, house.client("cem") as cem:
        answer = cem.get("/api/v1/me?token=reel_secret", headers={"X-Request-ID": "from-a-proxy-7"})
        token = cem.headers["authorization"].removeprefix("Bearer ")
        user = house.people["cem"]
    assert answer.headers["x-request-id"] == "from-a-proxy-7"
    log = (tmp_path / "logs" / "reelwright.jsonl").read_text()
    line = next(json.loads(line) for line in log.splitlines() if "from-a-proxy-7" in line)
    assert (line["operation"], line["status"], line["user"]) == ("show_me", 200, user)
    assert "reel_secret" not in log
    assert token not in log


@pytest.mark.parametrize("number", ["x" * 65, "a b", "a\\nb", "../../x"])
def test_a_number_that_could_be_mistaken_is_replaced(ann: httpx2.Client, number: str) -> None:
    assert ann.get("/api/v1/me", headers={"X-Request-ID": number}).headers["x-request-id"] != number


def test_a_body_that_is_too_large_is_refused_before_it_is_read(ann: httpx2.Client) -> None:
    answer = ann.post("/api/v1/campaigns", content=b'{"sentence": "' + b"x" * (2 << 20) + b'"}')
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_body_that_does_not_say_how_large_it_is_is_counted(ann: httpx2.Client) -> None:
    blocks = (b"x" * 65536 for _ in range(64))
    answer = ann.post("/api/v1/campaigns", content=blocks, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
