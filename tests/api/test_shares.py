"""Share links: what whoever has one sees, and everything that somebody might try with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from api.browsers import browser
from producing import MODELS, campaign_of, ended, served_with_vendor, start
from reelwright.bootstrap import Studio
from reelwright.db.account_tables import ShareRow
from reelwright.db.fence import unfenced
from reelwright.domain.ids import CampaignId
from reelwright.services.briefs import read_brief
from serving import House

PHRASE = "four words in a row"
OTHER = "another four words in a row"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served_with_vendor(tmp_path_factory.mktemp("shares")) as (made, _):
        yield made


@pytest.fixture(scope="module")
def campaign(house: House, ann: httpx2.Client) -> str:
    """A campaign of Ann's whose film is made, with captions."""
    fields = {"shots": 2, "seconds": 8, "ratio": "1:1", "captions": "soft", "voice_over": True, "music": False}
    user = house.person("ann")
    order = read_brief("A lamp called <Ember> & co that wakes you", {**fields, "name": "<b>Ember</b> & co"})
    made = house.run(lambda studio: studio.campaigns.create(order, None, user=user))
    assert ended(ann, start(ann, made, models=MODELS)["id"])["state"] == "completed"
    return made


@pytest.fixture(scope="module")
def film(ann: httpx2.Client, campaign: str) -> dict[str, Any]:
    return ann.get(f"/api/v1/campaigns/{campaign}/films").json()["items"][0]


def share(client: httpx2.Client, campaign: str, **wanted: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/campaigns/{campaign}/shares", json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


def path_of(made: dict[str, Any]) -> str:
    return "/s/" + made["url"].rpartition("/s/")[2]


def in_future(**by: float) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


def age(house: House, made: dict[str, Any]) -> None:
    """The link as it is once its time is over."""
    at = datetime.now(UTC) - timedelta(seconds=1)
    change = sa.update(ShareRow).where(ShareRow.id == made["id"]).values(expires_at=at)

    async def write(studio: Studio) -> None:
        with unfenced():
            await studio.database.write(lambda session: session.execute(change.execution_options(synchronize_session=False)))

    house.run(write)


def test_whoever_has_the_link_sees_the_film_and_nothing_else(
    house: House, ann: httpx2.Client, campaign: str, film: dict[str, Any]
) -> None:
    made = share(ann, campaign)
    assert re.fullmatch(rf"{re.escape(house.origin)}/s/[A-Za-z0-9_-]{{43}}", made["url"])
    with browser(house) as guest:
        answer = guest.get(path_of(made))
        assert answer.status_code == 200
        assert "&lt;b&gt;Ember&lt;/b&gt; &amp; co" in answer.text
        assert "<b>Ember" not in answer.text
        assert "<script" not in answer.text
        assert "prefers-color-scheme: dark" in answer.text
        assert 'name="robots" content="noindex"' in answer.text
        assert "noindex" in answer.headers["x-robots-tag"]
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "media-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        found = dict(re.findall(r'(src|poster)="(/s/[^"]+/media/[^"]+)"', answer.text))
        assert set(re.findall(r"/media/(asset_\w+)", answer.text)) == {film["assets"][name] for name in ("film", "poster", "vtt")}
        played = guest.get(f"{path_of(made)}/media/{film['assets']['film']}")
        assert (played.status_code, played.headers["content-type"]) == (200, "video/mp4")
        assert played.content == ann.get(f"/media/{film['assets']['film']}").content
        assert found["poster"].endswith(film["assets"]["poster"])
        assert "set-cookie" not in answer.headers
        for path in (f"/media/{film['assets']['film']}", f"/api/v1/campaigns/{campaign}", f"/api/v1/films/{film['id']}"):
            assert guest.get(path).status_code == 401


def test_the_film_plays_in_ranges_and_is_asked_for_anew(
    house: House, ann: httpx2.Client, campaign: str, film: dict[str, Any]
) -> None:
    url = f"{path_of(share(ann, campaign))}/media/{film['assets']['film']}"
    with house.stranger() as guest:
        whole = guest.get(url)
        part = guest.get(url, headers={"Range": "bytes=100-199"})
        head = guest.head(url)
        assert (part.status_code, part.content) == (206, whole.content[100:200])
        assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(whole.content)))
        assert whole.headers["cache-control"] == "private, no-cache"
        assert whole.headers["content-disposition"].startswith("inline")
        assert guest.get(url, headers={"If-None-Match": whole.headers["etag"]}).status_code == 304
        captions = guest.get(f"{path_of(share(ann, campaign))}/media/{film['assets']['vtt']}")
        assert captions.text.startswith("WEBVTT")


def test_views_are_counted_where_something_is_shown(house: House, ann: httpx2.Client, campaign: str) -> None:
    made = share(ann, campaign, password=PHRASE)
    with browser(house) as guest:
        guest.get(path_of(made))
        assert ann.get(f"/api/v1/shares/{made['id']}").json()["views"] == 0
        guest.post(path_of(made), data={"password": PHRASE})
        guest.get(path_of(made))
        guest.get(path_of(made))
        guest.head(path_of(made))
        assert ann.get(f"/api/v1/shares/{made['id']}").json()["views"] == 2


def test_every_link_that_shows_nothing_is_answered_alike(
    house: House, ann: httpx2.Client, campaign: str, film: dict[str, Any]
) -> None:
    revoked, expired = share(ann, campaign, expires_at=in_future(days=1)), share(ann, campaign, expires_at=in_future(days=1))
    assert ann.delete(f"/api/v1/shares/{revoked['id']}").status_code == 204
    assert ann.delete(f"/api/v1/shares/{revoked['id']}").status_code == 204
    age(house, expired)
    guesses = ["A" * 43, path_of(revoked)[3:-1] + "A", "a", "%00" * 43, "..", path_of(revoked)[3:].swapcase(), "a" * 4000]
    paths = [path_of(revoked), path_of(expired), *(f"/s/{guess}" for guess in guesses if guess != "..")]
    with browser(house) as guest:
        answers = [guest.get(path) for path in paths] + [guest.post(path, data={"password": PHRASE}) for path in paths]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1
        assert len({str(sorted(set(answer.headers) - {"x-request-id", "date"})) for answer in answers}) == 1
        for path in paths:
            media = guest.get(f"{path}/media/{film['assets']['film']}")
            assert (media.status_code, media.json()["code"]) == (404, "not_found")
    listed = {each["id"]: each for each in ann.get("/api/v1/shares", params={"campaign": campaign}).json()["items"]}
    assert [listed[each["id"]]["is_active"] for each in (revoked, expired)] == [False, False]


def test_a_link_leads_to_no_other_asset(house: House, ann: httpx2.Client, campaign: str, film: dict[str, Any]) -> None:
    other = campaign_of(house, "ann")
    sent = ann.post(f"/api/v1/campaigns/{other}/assets", content=ann.get(film["urls"]["poster"]).content).json()["id"]
    clip = ann.get(f"/api/v1/films/{film['id']}/cut-list").json()["clips"][0]["asset"]
    made = share(ann, campaign)
    with browser(house) as guest:
        for asset in (sent, clip, film["assets"]["sheet"], film["assets"]["srt"], "asset_none", "..%2f..%2fhealthz", "%00"):
            answer = guest.get(f"{path_of(made)}/media/{asset}")
            assert answer.status_code == 404, asset


def test_a_film_may_be_saved_only_where_that_is_allowed(
    house: House, ann: httpx2.Client, campaign: str, film: dict[str, Any]
) -> None:
    made = share(ann, campaign)
    url = f"{path_of(made)}/media/{film['assets']['film']}"
    with browser(house) as guest:
        assert "Save the film" not in guest.get(path_of(made)).text
        assert guest.get(url, params={"download": "1"}).status_code == 403
        assert guest.get(f"{path_of(made)}/media/{film['assets']['srt']}").status_code == 404
        assert ann.patch(f"/api/v1/shares/{made['id']}", json={"can_download": True}).json()["can_download"] is True
        assert "Save the film" in guest.get(path_of(made)).text
        saved = guest.get(url, params={"download": "1"})
        assert saved.headers["content-disposition"].startswith("attachment")
        assert guest.get(f"{path_of(made)}/media/{film['assets']['srt']}").status_code == 200


def test_a_password_is_asked_for_and_kept_for_that_link_alone(
    house: House, ann: httpx2.Client, campaign: str, film: dict[str, Any]
) -> None:
    made, other = (share(ann, campaign, password=PHRASE) for _ in range(2))
    url = f"{path_of(made)}/media/{film['assets']['film']}"
    with browser(house) as guest:
        asked = guest.get(path_of(made))
        assert (asked.status_code, "Ember" in asked.text, "asset_" in asked.text) == (200, False, False)
        assert guest.get(url).status_code == 404
        wrong = guest.post(path_of(made), data={"password": "<i>wrong</i>"})
        assert (wrong.status_code, "<i>" in wrong.text, "set-cookie" in wrong.headers) == (403, False, False)
        right = guest.post(path_of(made), data={"password": PHRASE})
        assert (right.status_code, right.headers["location"]) == (303, path_of(made))
        cookie = right.headers["set-cookie"]
        assert f"Path={path_of(made)};" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert guest.get(url).status_code == 200
        assert "Ember" in guest.get(path_of(made)).text
        proof = cookie.partition("=")[2].partition(";")[0]
        assert PHRASE not in cookie
        stolen = {"Cookie": f"reelwright_share={proof}"}
        assert "Ember" not in guest.get(path_of(other), headers=stolen).text
        longer = {"Cookie": f"reelwright_share={int(proof.partition('.')[0]) + 1}.{proof.partition('.')[2]}"}
        with house.stranger() as nobody:
            assert nobody.get(url, headers=stolen).status_code == 200
            for forged in (longer, {"Cookie": "reelwright_share=" + "9" * 12 + "." + "0" * 64}, {"Cookie": "reelwright_share=1"}):
                assert nobody.get(url, headers=forged).status_code == 404
        assert ann.patch(f"/api/v1/shares/{made['id']}", json={"password": OTHER}).json()["has_password"] is True
        assert guest.get(url).status_code == 404
        assert ann.patch(f"/api/v1/shares/{made['id']}", json={"password": None}).json()["has_password"] is False
        assert guest.get(url).status_code == 200


def test_guessing_a_password_gets_slow_for_everybody_and_the_right_one_waits_too(
    house: House, ann: httpx2.Client, campaign: str
) -> None:
    made = share(ann, campaign, password=PHRASE)
    statuses: list[int] = []
    for number in range(12):
        with browser(house) as guest:  # another machine each time
            statuses.append(guest.post(path_of(made), data={"password": f"guess number {number}"}).status_code)
    assert statuses[:10] == [403] * 10
    assert statuses[-1] == 429
    with browser(house) as guest:
        waits = guest.post(path_of(made), data={"password": PHRASE})
        assert waits.status_code == 429
        assert int(waits.headers["retry-after"]) >= 1
        assert "Too many tries" in waits.text


def test_another_sites_page_cannot_type_passwords(house: House, ann: httpx2.Client, campaign: str) -> None:
    made = share(ann, campaign, password=PHRASE)
    with house.stranger() as guest:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert guest.post(path_of(made), data={"password": PHRASE}, headers=headers).status_code == 403


def test_what_is_in_the_trash_is_not_shown_and_comes_back(
    house: House, ann: httpx2.Client, campaign: str, film: dict[str, Any]
) -> None:
    made, exact = share(ann, campaign), share(ann, campaign, film=film["id"])
    url = f"{path_of(made)}/media/{film['assets']['film']}"
    with browser(house) as guest:
        assert ann.delete(f"/api/v1/campaigns/{campaign}").status_code == 204
        assert [guest.get(path).status_code for path in (path_of(made), url)] == [404, 404]
        assert ann.post(f"/api/v1/campaigns/{campaign}/restore").status_code == 204
        assert [guest.get(path).status_code for path in (path_of(made), url)] == [200, 200]
        assert ann.delete(f"/api/v1/assets/{film['assets']['film']}").status_code in {200, 204}
        assert [guest.get(path).status_code for path in (url, path_of(exact))] == [404, 404]
        assert "not finished" in guest.get(path_of(made)).text
        assert ann.post(f"/api/v1/assets/{film['assets']['film']}/restore").status_code in {200, 204}
        assert guest.get(url).status_code == 200


def test_a_link_can_be_made_before_its_film(house: House, ann: httpx2.Client) -> None:
    made = share(ann, campaign_of(house, "ann"))
    with browser(house) as guest:
        answer = guest.get(path_of(made))
        assert (answer.status_code, "not finished yet" in answer.text) == (200, True)
    assert ann.get(f"/api/v1/shares/{made['id']}").json()["views"] == 0


def test_a_disabled_persons_links_end(house: House) -> None:
    user = house.person("gone")
    with house.client("gone") as gone, browser(house) as guest:
        made = share(gone, campaign_of(house, "gone"))
        assert guest.get(path_of(made)).status_code == 200
        house.run(lambda studio: studio.accounts.change(user, is_disabled=True))
        assert guest.get(path_of(made)).status_code == 404


def test_nobody_makes_sees_or_ends_links_to_what_is_not_theirs(
    ann: httpx2.Client, bob: httpx2.Client, owner: httpx2.Client, house: House, campaign: str, film: dict[str, Any]
) -> None:
    made = share(ann, campaign)
    mine = house.run(lambda studio: studio.campaigns.create(read_brief("A cup", {}), None, user=house.people["bob"]))
    for other in (bob, owner):
        answers = [
            other.post(f"/api/v1/campaigns/{campaign}/shares", json={}),
            other.get(f"/api/v1/shares/{made['id']}"),
            other.patch(f"/api/v1/shares/{made['id']}", json={"can_download": True}),
            other.delete(f"/api/v1/shares/{made['id']}"),
            other.get("/api/v1/shares", params={"campaign": campaign}),
            other.get("/api/v1/shares", params={"cursor": made["id"]}),
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert other.get("/api/v1/shares").json() == {"items": [], "next_cursor": None}
    assert bob.post(f"/api/v1/campaigns/{CampaignId(mine)}/shares", json={"film": film["id"]}).status_code == 404
    with house.stranger() as nobody:
        assert nobody.get("/api/v1/shares").status_code == 401
    assert ann.get(f"/api/v1/shares/{made['id']}").json()["is_active"] is True


@pytest.mark.parametrize(
    "wanted",
    [
        {"password": "short"},
        {"password": "x" * 257},
        {"password": "aaaaaaaaaaaa"},
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"expires_at": "9999-12-31T23:59:59-12:00"},
        {"expires_at": "2030-01-01T00:00:00"},
        {"expires_at": "tomorrow"},
        {"secret": "A" * 43},
        {"can_download": None},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(ann: httpx2.Client, campaign: str, wanted: dict[str, object]) -> None:
    made = share(ann, campaign)
    answers = [
        ann.post(f"/api/v1/campaigns/{campaign}/shares", json=wanted),
        ann.patch(f"/api/v1/shares/{made['id']}", json=wanted),
    ]
    assert [answer.status_code for answer in answers] == [422, 422]


def test_links_are_listed_newest_first_page_by_page(house: House, ann: httpx2.Client) -> None:
    campaign = campaign_of(house, "ann")
    made = [share(ann, campaign, expires_at=in_future(hours=1))["id"] for _ in range(5)]
    found: list[str] = []
    cursor = ""
    while True:
        answer = ann.get("/api/v1/shares", params={"campaign": campaign, "limit": 2, "cursor": cursor}).json()
        found += [each["id"] for each in answer["items"]]
        if not (cursor := answer["next_cursor"]):
            break
    assert found == made[::-1]
    assert ann.patch(f"/api/v1/shares/{made[0]}", json={"expires_at": None}).json()["expires_at"] is None
