"""The plain pages: they work without a script, show nothing that is not escaped, and lead nowhere else."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from api.browsers import PHRASE, browser, with_password
from reelwright.api.pages import path_within
from serving import House

FOREIGN = [
    "//evil.example",
    "https://evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "\\\\evil",
    "/a\nb",
    "",
    "/ok\\..//x",
]


@pytest.fixture(scope="module", autouse=True)
def ann_can_sign_in(house: House) -> None:
    """She has a password."""
    with_password(house, "ann")


class Labels(HTMLParser):
    """Which fields a page has, and which of them have a label."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: set[str] = set()
        self.labelled: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input" and found.get("type") != "hidden":
            self.fields.add(found.get("id") or "")
        if tag == "label":
            self.labelled.add(found.get("for") or "")


def test_a_page_carries_a_strict_policy_and_a_label_for_every_field(house: House) -> None:
    with browser(house) as client:
        answer = client.get("/sign-in")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    labels = Labels(answer.text)
    assert labels.fields == labels.labelled == {"email", "password"}
    assert '<html lang="en">' in answer.text
    assert "prefers-color-scheme: dark" in answer.text


def test_signing_in_leads_back_to_where_one_wanted_to_go_and_out_again(house: House) -> None:
    form = {"email": "ann@example.com", "password": PHRASE, "next": "/api/v1/me?x=1"}
    with browser(house) as client:
        answer = client.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/api/v1/me?x=1")
        assert client.get("/api/v1/me").status_code == 200
        assert "ann@example.com" in client.get("/").text
        out = client.post("/sign-out")
        assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
        assert client.get("/api/v1/me").status_code == 401


def test_a_wrong_password_is_told_on_the_page_and_not_shown_again(house: House) -> None:
    with browser(house) as client:
        answer = client.post("/sign-in", data={"email": '"><script>alert(1)</script>', "password": "guessed wrong <b>"})
        assert answer.status_code == 401
        assert "The address or the password is wrong." in answer.text
        assert "<script" not in answer.text
        assert "guessed wrong" not in answer.text
        answers = [client.post("/sign-in", data={"email": "x@y.z", "password": str(number)}) for number in range(8)]
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", FOREIGN)
def test_no_link_leads_through_us_to_another_site(house: House, path: str) -> None:
    assert path_within(path) == "/"
    with browser(house) as client:
        page = client.get("/sign-in", params={"next": path})
        assert re.findall('name="next" value="([^"]*)"', page.text) == ["/"]
        answer = client.post("/sign-in", data={"email": "ann@example.com", "password": PHRASE, "next": path})
        assert answer.headers["location"] == "/"


def test_a_password_link_shows_whose_it_is_and_works_once(house: House) -> None:
    user = house.person("late")
    link = house.run(lambda studio: studio.links.invite(user))
    key = link.partition("key=")[2]
    with browser(house) as client:
        assert "late@example.com" in client.get(link).text
        assert client.post("/password", data={"key": key, "password": "late@example.com"}).status_code == 422
        assert client.post("/password", data={"key": key, "password": PHRASE}).status_code == 303
        assert client.get("/api/v1/me").json()["email"] == "late@example.com"
        assert client.get(link).status_code == 404
        assert client.post("/password", data={"key": key, "password": PHRASE}).status_code == 404


def test_a_form_that_is_nonsense_is_refused(house: House) -> None:
    with browser(house) as client:
        assert client.post("/sign-in", content=b"\xff\xfe", headers={"Content-Type": "text/plain"}).status_code in {401, 422}
        assert client.post("/sign-in", data={"email": "x" * 5000, "password": "y"}).status_code == 422
        assert client.post("/password").status_code in {404, 422}
