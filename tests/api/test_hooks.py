"""Webhooks over HTTP: a production is told from its start to its end, and nobody meddles with somebody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from hearing import Ear, hearing
from producing import campaign_of, ended, served_with_vendor, start, until
from reelwright.domain.account import Role, Scope
from serving import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served_with_vendor(tmp_path_factory.mktemp("hooks"), allow_private_hosts="127.0.0.1") as (made, _):
        yield made


@pytest.fixture
def ear() -> Iterator[Ear]:
    with hearing() as listening:
        yield listening


def hook(client: httpx2.Client, url: str, *names: str) -> dict[str, Any]:
    answer = client.post("/api/v1/hooks", json={"url": url, "events": list(names)})
    assert answer.status_code == 201, answer.text
    return answer.json()


def arrived(client: httpx2.Client, made: dict[str, Any]) -> list[dict[str, Any]]:
    """The log, when nothing waits any more."""

    def look() -> Any:
        items = client.get(f"/api/v1/hooks/{made['id']}/deliveries", params={"limit": 200}).json()["items"]
        return items and all(each["state"] == "delivered" for each in items) and items

    return until(look)


def test_a_production_is_told_from_start_to_end(house: House, ann: httpx2.Client, bob: httpx2.Client, ear: Ear) -> None:
    made, others = hook(ann, ear.url), hook(bob, ear.url)
    assert made["secret"].startswith("whsec_")
    assert ended(ann, start(ann, campaign_of(house, "ann", shots=1))["id"])["state"] == "completed"
    until(lambda: "production.completed" in ear.names)
    log = arrived(ann, made)
    told = [each["event"] for each in log]
    assert told[-1] == "production.started"
    assert {"take.planned", "take.submitted", "take.kept", "film.completed", "production.completed"} <= set(told)
    assert not any("progressed" in name for name in told)
    for each in ear.heard:
        Webhook(made["secret"]).verify(each.content, each.headers)
    assert {each["id"] for each in log} == {each.id for each in ear.heard}
    assert bob.get(f"/api/v1/hooks/{others['id']}/deliveries").json()["items"] == []
    pages: list[str] = []
    cursor = ""
    while True:
        answer = ann.get(f"/api/v1/hooks/{made['id']}/deliveries", params={"limit": 2, "cursor": cursor}).json()
        pages += [each["id"] for each in answer["items"]]
        if not (cursor := answer["next_cursor"]):
            break
    assert pages == [each["id"] for each in log]


def test_a_test_arrives_and_is_sent_again_on_request(ann: httpx2.Client, ear: Ear) -> None:
    made = hook(ann, ear.url, "production.completed")
    sent = ann.post(f"/api/v1/hooks/{made['id']}/test")
    assert (sent.status_code, sent.json()["state"]) == (202, "waiting")
    [delivery] = arrived(ann, made)
    assert (delivery["event"], delivery["status"], ear.names) == ("hook.tested", 204, ["hook.tested"])
    again = ann.post(f"/api/v1/hooks/{made['id']}/deliveries/{delivery['id']}/redeliver")
    assert (again.status_code, again.json()["id"]) == (202, delivery["id"])
    until(lambda: len(ear.heard) == 2)
    assert [each.id for each in ear.heard] == [delivery["id"]] * 2
    ann.post(f"/api/v1/hooks/{made['id']}/test")
    until(lambda: len(ear.heard) == 3)


def test_a_secret_is_told_once_and_renewed(ann: httpx2.Client, ear: Ear) -> None:
    made = hook(ann, ear.url)
    listed = ann.get("/api/v1/hooks")
    assert made["secret"] not in listed.text
    assert made["id"] in [each["id"] for each in listed.json()["items"]]
    assert "secret" not in ann.get(f"/api/v1/hooks/{made['id']}").json()
    renewed = ann.post(f"/api/v1/hooks/{made['id']}/secret").json()["secret"]
    assert renewed.startswith("whsec_")
    assert renewed != made["secret"]


def test_a_hook_is_changed_stopped_and_removed(ann: httpx2.Client, ear: Ear) -> None:
    made = hook(ann, ear.url)
    path = f"/api/v1/hooks/{made['id']}"
    changed = ann.patch(path, json={"events": ["take.kept"], "url": f"{ear.url}/other"}).json()
    assert (changed["events"], changed["url"], changed["is_active"]) == (["take.kept"], f"{ear.url}/other", True)
    stopped = ann.patch(path, json={"is_active": False}).json()
    assert (stopped["is_active"], stopped["disabled_at"] is not None) == (False, True)
    assert ann.post(f"{path}/test").status_code == 409
    assert ann.patch(path, json={"is_active": True}).json()["disabled_at"] is None
    assert ann.delete(path).status_code == 204
    assert [ann.get(path).status_code, ann.delete(path).status_code] == [404, 404]


@pytest.mark.parametrize(
    "wanted",
    [
        {"url": "https://169.254.169.254/latest"},
        {"url": "http://hooks.example/"},
        {"url": "file:///etc/passwd"},
        {"url": "https://\u0000/"},
        {"url": "https://hooks.example/" + "a" * 3000},
        {"url": "https://hooks.example/", "events": ["take.progressed"]},
        {"url": "https://hooks.example/", "events": ["made.up"]},
        {"url": "https://hooks.example/", "secret": "whsec_mine"},
        {"events": []},
    ],
    ids=lambda wanted: str(wanted)[:60],
)
def test_what_cannot_be_a_hook_is_refused(ann: httpx2.Client, wanted: dict[str, object]) -> None:
    assert ann.post("/api/v1/hooks", json=wanted).status_code == 422


def test_somebody_elses_hooks_are_not_there(house: House, ann: httpx2.Client, bob: httpx2.Client, ear: Ear) -> None:
    made = hook(ann, ear.url)
    ann.post(f"/api/v1/hooks/{made['id']}/test")
    [delivery] = arrived(ann, made)
    mine = hook(bob, ear.url)
    path = f"/api/v1/hooks/{made['id']}"
    answers = [
        bob.get(path),
        bob.patch(path, json={"url": "https://evil.example/"}),
        bob.delete(path),
        bob.post(f"{path}/secret"),
        bob.post(f"{path}/test"),
        bob.get(f"{path}/deliveries"),
        bob.post(f"{path}/deliveries/{delivery['id']}/redeliver"),
        bob.post(f"/api/v1/hooks/{mine['id']}/deliveries/{delivery['id']}/redeliver"),
    ]
    assert [answer.status_code for answer in answers] == [404] * 8
    assert made["id"] not in bob.get("/api/v1/hooks").text
    with house.client("vic", role=Role.VIEWER) as viewer, house.client("ann", Scope.READ) as reader:
        for client in (viewer, reader):
            assert client.post("/api/v1/hooks", json={"url": ear.url}).status_code == 403
    with house.stranger() as nobody:
        assert nobody.get("/api/v1/hooks").status_code == 401
