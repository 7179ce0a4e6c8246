"""`import-frames`: what older systems left is registered, and what is left alone is told with its reason."""

from __future__ import annotations

from cli.conftest import CommandLine
from samples import picture


def test_frames_are_registered_once_and_told(cli: CommandLine) -> None:
    for key, content in {
        "owner/session_1/reference-frames/frame-1.png": picture(1),
        "owner/session_1/reference-frames/frame-2.png": b"no picture",
    }.items():
        path = cli.home / "storage" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    first = cli.run("import-frames", "--json")
    assert (first.code, first.document["registered"]) == (1, ["owner/session_1/reference-frames/frame-1.png"])
    assert [each["key"] for each in first.document["skipped"]] == ["owner/session_1/reference-frames/frame-2.png"]
    again = cli.run("import-frames", "--prefix", "owner/session_1")
    assert again.out.splitlines()[0] == "0 registered, 1 known before, 1 left alone."
    assert "frame-2.png: " in again.out
    assert cli.run("import-frames", "--user", "nobody@example.com").code == 2
