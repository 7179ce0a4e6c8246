"""`user` and `token`: what a person types, what a script reads, and who is told what."""

from __future__ import annotations

import sqlite3

from cli.conftest import CommandLine, one_sentence
from serving import served

PHRASE = "four words in a row"


def test_a_person_is_added_and_the_link_is_told_this_once(cli: CommandLine) -> None:
    added = cli.run("user", "add", "Ann@Example.com", "--role", "viewer", "--name", "Ann", "--json").document
    assert (added["email"], added["name"], added["role"], added["has_password"]) == ("ann@example.com", "Ann", "viewer", False)
    assert added["link"].startswith("http://127.0.0.1:8000/password?key=")
    plain = cli.run("user", "add", "bob@example.com", REELWRIGHT_PUBLIC_URL="https://studio.example")
    assert plain.out.splitlines()[1].startswith("https://studio.example/password?key=")
    listed = cli.run("user", "list", "--json").document["items"]
    assert [each["email"] for each in listed] == [None, "ann@example.com", "bob@example.com"]
    assert all("link" not in each for each in listed)
    table = cli.run("user", "list").out
    assert "ann@example.com" in table
    assert added["id"] in table
    again = cli.run("user", "link", "ann@example.com")
    assert again.out.splitlines()[1] != added["link"]
    assert cli.run("user", "link", "owner").out.splitlines()[1].startswith("http://127.0.0.1:8000/setup?key=")


def test_what_cannot_be_is_one_sentence_and_an_exit_code(cli: CommandLine) -> None:
    cli.run("user", "add", "ann@example.com", "--role", "viewer")
    for arguments, words in (
        (("user", "add", "ann"), "'ann' is not an address"),
        (("user", "add", "ANN@example.com"), "somebody with the address ann@example.com"),
        (("user", "role", "nobody", "member"), "nobody called 'nobody'"),
        (("user", "disable", "owner"), "last owner"),
        (("token", "create", "x", "--user", "nobody"), "nobody called 'nobody'"),
        (("token", "create", "x", "--user", "ann@example.com", "--scope", "write"), "could do nothing"),
        (("token", "create", " "), "1 to 100 characters"),
        (("token", "revoke", "token_0"), "no token"),
    ):
        ended = cli.run(*arguments)
        assert ended.code == 2
        assert words in one_sentence(ended.err)
    assert cli.run("user", "role", "owner", "king").code == 2
    assert cli.run("token", "create", "x", "--expires", "0").code == 2
    refused = cli.run("user", "disable", "owner", "--json")
    assert (refused.code, refused.document["error"]["code"]) == (2, "conflict")


def test_a_token_is_shown_once_listed_by_its_ending_and_revoked(cli: CommandLine) -> None:
    made = cli.run("token", "create", "films", "--scope", "read", "--scope", "write", "--expires", "7", "--json").document
    assert made["scopes"] == ["read", "write"]
    text = made["token"]
    shown = cli.run("token", "list")
    assert f"…{text[-4:]}" in shown.out
    assert made["id"] in shown.out
    assert text not in shown.out
    [listed] = cli.run("token", "list", "--user", "owner", "--json").document["items"]
    assert "token" not in listed
    assert cli.run("token", "revoke", made["id"]).out.strip() == f"{made['id']} is revoked: from now on it opens nothing."
    assert cli.run("token", "list", "--json").document["items"][0]["revoked_at"]
    plain = cli.run("token", "create", "more").out.splitlines()
    assert "may admin, produce, read, write" in plain[0]
    connection = sqlite3.connect(cli.home / "reelwright.sqlite")
    stored = "\n".join(connection.iterdump())
    connection.close()
    assert text not in stored
    assert plain[1] not in stored


def test_both_work_beside_a_server_and_hold_there_at_once(cli: CommandLine) -> None:
    with served(cli.home, works=False) as house:
        link = cli.run("user", "add", "ann@example.com", "--json").document["link"]
        token = cli.run("token", "create", "films", "--user", "ann@example.com", "--json").document
        with house.stranger(headers={"Authorization": f"Bearer {token['token']}"}) as program, house.stranger() as person:
            assert program.get("/api/v1/me").json()["email"] == "ann@example.com"
            body = {"key": link.partition("key=")[2], "password": PHRASE}
            assert person.post("/api/v1/password", json=body).status_code == 200
            assert cli.run("user", "role", "ann@example.com", "viewer", "--json").document["role"] == "viewer"
            assert program.get("/api/v1/me").json()["scopes"] == ["read"]
            assert "let in no more" in cli.run("user", "disable", "ann@example.com").out
            assert (program.get("/api/v1/me").status_code, person.get("/api/v1/me").status_code) == (401, 401)
            assert "may come in again" in cli.run("user", "enable", "ann@example.com").out
