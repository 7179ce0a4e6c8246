"""Productions over HTTP: agreed on, made once, looked at, paused, cancelled, and retakes beside them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from producing import MODELS, campaign_of, ended, key, served_with_vendor, start, until
from reelwright.domain.account import Role
from serving import House
from staging import VendorThread


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, VendorThread]]:
    with served_with_vendor(tmp_path_factory.mktemp("productions")) as made:
        yield made


@pytest.fixture(scope="module")
def house(both: tuple[House, VendorThread]) -> House:
    return both[0]


@pytest.fixture(scope="module")
def vendor(both: tuple[House, VendorThread]) -> VendorThread:
    return both[1]


@pytest.fixture(scope="module")
def film(house: House, ann: httpx2.Client) -> str:
    """A campaign of Ann's whose film is made."""
    campaign = campaign_of(house, "ann")
    assert ended(ann, start(ann, campaign)["id"])["state"] == "completed"
    return campaign


def test_nothing_is_made_before_its_price_is_agreed_on(house: House, ann: httpx2.Client, vendor: VendorThread) -> None:
    campaign = campaign_of(house, "ann")
    path = f"/api/v1/campaigns/{campaign}/productions"
    before = len(vendor.submits)
    plan = ann.post(f"/api/v1/campaigns/{campaign}/plan", json={"models": MODELS}).json()
    assert (float(plan["usd"]), plan["cap_usd"]) == (pytest.approx(0.3, abs=0.001), None)
    assert [(line["what"], line["count"]) for line in plan["lines"][1:]] == [("frames", 2), ("clips", 2)]
    refusals = [
        ann.post(path, json={"models": MODELS}, headers=key()),
        ann.post(path, json={"models": MODELS, "cap_usd": "0.29"}, headers=key()),
        ann.post(path, json={"models": MODELS, "cap_usd": "5", "max_usd": "0.29"}, headers=key()),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refusals] == [(402, "budget_exceeded")] * 3
    assert ann.post(path, json={"models": MODELS, "cap_usd": "5"}).status_code == 422  # without a key
    assert ann.get(path).json() == {"items": [], "next_cursor": None}
    assert ann.get(f"/api/v1/campaigns/{campaign}/budget").json()["cap_usd"] is None
    assert len(vendor.submits) == before


def test_a_film_is_made_and_shown(ann: httpx2.Client, film: str) -> None:
    line = ann.get(f"/api/v1/campaigns/{film}/productions").json()["items"][0]
    run = ann.get(f"/api/v1/productions/{line['id']}").json()
    assert (run["state"], run["progress"]["fraction"], run["progress"]["charged_usd"]) == ("completed", 1.0, "0.3")
    assert [shot["states"] for shot in run["progress"]["shots"]] == [{"frame": "kept", "clip": "kept"}] * 2
    shown = ann.get(f"/api/v1/campaigns/{film}/films").json()["items"][0]
    assert ann.get(f"/api/v1/films/{shown['id']}").json() == shown
    assert (shown["is_ready"], shown["seconds"], shown["size"]) == (True, "2", "960x960")
    assert ann.get(shown["urls"]["film"]).content[4:8] == b"ftyp"
    cut = ann.get(f"/api/v1/films/{shown['id']}/cut-list").json()
    assert [(clip["start_frame"], clip["frames"]) for clip in cut["clips"]] == [(0, 24), (24, 24)]
    ledger = ann.get(f"/api/v1/campaigns/{film}/ledger").json()["items"]
    assert sum(float(entry["usd"]) for entry in ledger if entry["kind"] == "charge") == pytest.approx(0.3)


def test_the_same_request_again_is_answered_the_same_and_paid_once(
    house: House, ann: httpx2.Client, vendor: VendorThread
) -> None:
    campaign = campaign_of(house, "ann", shots=1)
    path, body, header = f"/api/v1/campaigns/{campaign}/productions", {"models": MODELS, "cap_usd": "5"}, key()
    first = ann.post(path, json=body, headers=header)
    again = ann.post(path, json=body, headers=header)
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == f"/api/v1/productions/{first.json()['id']}"
    other = ann.post(path, json={**body, "cap_usd": "6"}, headers=header)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    ended(ann, first.json()["id"])
    late = ann.post(path, json=body, headers=header)
    assert (late.status_code, late.json()["id"]) == (202, first.json()["id"])
    assert len(ann.get(path).json()["items"]) == 1
    assert set(vendor.submits.values()) == {1}


def test_exactly_the_version_that_was_reviewed_is_made(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann", shots=1)
    path = f"/api/v1/campaigns/{campaign}/generate"
    stale = ann.post(path, json={"models": MODELS, "cap_usd": "5"}, headers={**key(), "If-Match": '"77"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    tag = ann.get(f"/api/v1/campaigns/{campaign}/draft").headers["etag"]
    made = ann.post(path, json={"models": MODELS, "cap_usd": "5"}, headers={**key(), "If-Match": tag})
    assert made.status_code == 202, made.text
    assert made.json()["success"] is True
    assert made.json()["events"] == f"/api/v1/events?campaign={campaign}"
    assert ended(ann, made.json()["production"])["state"] == "completed"


def test_a_retake_runs_beside_and_changes_the_film_only_when_somebody_wants_it(ann: httpx2.Client, film: str) -> None:
    takes = f"/api/v1/campaigns/{film}/takes?shot=shot-01&kind=clip"
    before = ann.get(takes).json()["items"]
    wish = {"kind": "clip", "note": "at night", "max_usd": "0.05"}
    asked = ann.post(f"/api/v1/campaigns/{film}/shots/shot-01/takes", json=wish, headers=key())
    assert asked.status_code == 202, asked.text
    assert asked.json()["is_beside"] is True
    run = ended(ann, asked.json()["id"])
    assert (run["state"], run["progress"]["fraction"], run["progress"]["charged_usd"]) == ("completed", 1.0, "0.05")
    new, *old = ann.get(takes).json()["items"]
    assert old == before
    assert (new["state"], new["is_selected"], new["prompt"].startswith("at night ")) == ("kept", False, True)
    assert ann.get(f"/api/v1/campaigns/{film}").json()["status"] == "completed"

    assert ann.post(f"/api/v1/takes/{new['id']}/select").json()["is_chosen"] is True
    again = start(ann, film, aim={"kinds": []})
    assert ended(ann, again["id"])["state"] == "completed"
    films = ann.get(f"/api/v1/campaigns/{film}/films").json()["items"]
    cuts = [ann.get(f"/api/v1/films/{each['id']}/cut-list").json()["clips"][0]["take"] for each in (films[0], films[-1])]
    assert cuts == [old[-1]["id"], new["id"]]
    # A run over everything leaves what was chosen in its place, and pays for nothing.
    plan = ann.post(f"/api/v1/campaigns/{film}/plan", json={"models": MODELS}).json()
    assert (plan["usd"], {take["is_there"] for take in plan["takes"]}) == ("0", {True})


def test_a_run_beside_is_paused_resumed_and_cancelled_by_itself(ann: httpx2.Client, film: str, vendor: VendorThread) -> None:
    vendor.turn(frame_seconds=60)
    try:
        run = start(ann, film, aim={"kinds": ["frame"], "film": False, "fresh": True, "at_once": 1})
        path = f"/api/v1/productions/{run['id']}"
        until(lambda: ann.get(f"/api/v1/campaigns/{film}/takes?kind=frame&state=submitted").json()["items"])
        assert ann.post(f"{path}/pause").json()["state"] == "paused"
        assert ann.post(f"{path}/pause").json()["state"] == "paused"
        assert ann.post(f"{path}/resume").json()["state"] == "running"
        assert ann.post(f"{path}/cancel").json()["state"] == "cancelled"
        assert ann.post(f"{path}/cancel").json()["state"] == "cancelled"
        assert ann.post(f"{path}/resume").status_code == 409
    finally:
        vendor.turn(frame_seconds=0.05)
    frames = ann.get(f"/api/v1/campaigns/{film}/takes?kind=frame").json()["items"]
    assert sum(take["production"] == run["id"] for take in frames) == 1  # one shot at a time
    assert ann.get(f"/api/v1/campaigns/{film}").json()["status"] == "completed"


def test_what_makes_no_sense_is_refused_and_says_why(ann: httpx2.Client, film: str) -> None:
    path = f"/api/v1/campaigns/{film}/productions"

    def refused(**order: object) -> tuple[int, str]:
        answer = ann.post(path, json={"models": MODELS, **order}, headers=key())
        return answer.status_code, answer.json()["detail"]

    assert refused(aim={"kinds": [], "film": False}) == (422, "kinds: name at least one, or ask for a film.")
    assert refused(aim={"note": "darker"})[0] == 422
    assert refused(aim={"shots": ["shot-99"]}) == (404, "The storyboard has no shot 'shot-99'.")
    assert refused(models={"video": "nobody:nothing"})[0] == 422
    assert refused(aim={"at_once": 10**9})[0] == 422
    assert refused(cap_usd="1e5")[0] == 422
    assert refused(surprise=1)[0] == 422
    wish = {"kind": "clip"}
    assert ann.post(f"/api/v1/campaigns/{film}/shots/shot-77/takes", json=wish, headers=key()).status_code == 404


def test_nobody_sees_or_touches_what_is_anothers(house: House, ann: httpx2.Client, bob: httpx2.Client, film: str) -> None:
    run = ann.get(f"/api/v1/campaigns/{film}/productions").json()["items"][0]["id"]
    take = ann.get(f"/api/v1/campaigns/{film}/takes").json()["items"][0]["id"]
    shown = ann.get(f"/api/v1/campaigns/{film}/films").json()["items"][0]["id"]
    before = ann.get(f"/api/v1/campaigns/{film}/events?after=0", headers={"Accept": "application/json"}).json()
    for path in (
        f"campaigns/{film}/productions",
        f"campaigns/{film}/takes",
        f"campaigns/{film}/films",
        f"campaigns/{film}/events",
        f"events?campaign={film}",
        f"campaigns/{film}/budget",
        f"campaigns/{film}/ledger",
        f"productions/{run}",
        f"takes/{take}",
        f"takes/{take}/retake",
        f"films/{shown}",
        f"films/{shown}/cut-list",
    ):
        assert bob.get(f"/api/v1/{path}").status_code == 404, path
    own = campaign_of(house, "bob")
    asset = ann.get(f"/api/v1/takes/{take}").json()["asset"]
    for path, body in (
        (f"campaigns/{film}/productions", {"cap_usd": "9"}),
        (f"campaigns/{film}/generate", {"cap_usd": "9"}),
        (f"campaigns/{film}/plan", {}),
        (f"campaigns/{film}/shots/shot-01/takes", {"kind": "frame"}),
        (f"campaigns/{film}/shots/shot-01/takes/own", {"kind": "frame", "asset_id": asset}),
        (f"campaigns/{own}/productions", {"cap_usd": "9", "aim": {"shots": ["shot-01"]}}),
        (f"productions/{run}/pause", {}),
        (f"productions/{run}/resume", {}),
        (f"productions/{run}/cancel", {}),
        (f"takes/{take}/select", {}),
        (f"takes/{take}/adopt", {"job": "1"}),
        (f"takes/{take}/retake", {}),
    ):
        answer = bob.post(f"/api/v1/{path}", json=body, headers=key())
        assert answer.status_code in ({404, 409} if own in path else {404}), (path, answer.text)
    assert bob.put(f"/api/v1/campaigns/{film}/budget", json={"cap_usd": "9"}).status_code == 404
    assert bob.get("/api/v1/takes").json()["items"] == []
    assert ann.get(f"/api/v1/campaigns/{film}/events?after=0", headers={"Accept": "application/json"}).json() == before


def test_who_may_only_look_starts_nothing(house: House) -> None:
    with house.client("vera", role=Role.VIEWER) as vera:
        campaign = campaign_of(house, "vera")
        answer = vera.post(f"/api/v1/campaigns/{campaign}/productions", json={}, headers=key())
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert vera.get(f"/api/v1/campaigns/{campaign}/productions").status_code == 200
    with house.client("ann") as ann:
        assert ann.get("/api/v1/budget").status_code == 403


def test_a_draft_that_is_no_film_yet_is_refused_field_by_field(ann: httpx2.Client) -> None:
    campaign = ann.post("/api/v1/campaigns", json={}).json()["id"]
    answer = ann.post(f"/api/v1/campaigns/{campaign}/generate", json={"cap_usd": "5"}, headers=key())
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_draft")
    assert {"path", "message"} == set(problem["errors"][0])
    assert ann.get(f"/api/v1/campaigns/{campaign}/productions").json()["items"] == []
