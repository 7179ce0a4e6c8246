"""Frames that older systems have left in the store are registered where they lie, once, whose they are."""

from __future__ import annotations

import pytest

from reelwright.bootstrap import Studio
from reelwright.domain.ids import CampaignId
from reelwright.errors import NotFound
from reelwright.services.drafts import Editor
from samples import picture
from staging import Stage

OLDEST = "reference-frames/ann@example.com"


def put(stage: Stage, *keys: str) -> None:
    """Objects as an older system has left them."""
    for number, key in enumerate(keys, 1):
        path = stage.home / "storage" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))


def stored(stage: Stage) -> dict[str, bytes]:
    """Everything that lies in the store."""
    root = stage.home / "storage"
    files = [path for path in root.rglob("*") if path.is_file() and ".reelwright" not in path.parts]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


async def frames(studio: Studio, campaign: str) -> list[tuple[object, str]]:
    """Ids and keys of the campaign's frames."""
    found = await studio.older.frames.of_campaign(CampaignId(campaign))
    return [(frame.id, frame.asset.key) for frame in found if frame.asset]


async def test_frames_of_both_layouts_are_registered_and_nothing_is_moved(both: Stage) -> None:
    studio = both.open()
    ann = await studio.accounts.add("ann@example.com")
    session = f"{ann.id}/session_17/reference-frames"
    keys = [f"{OLDEST}/frame_2.png", f"{OLDEST}/frame_1.png", f"{OLDEST}/req_9/frame-1.png", f"{session}/frame-07.png"]
    put(both, *keys, f"{session}/notes.txt", "nobody/session_1/reference-frames/frame-1.png", "films/frame-1.png")
    (both.home / "storage" / f"{session}/frame-08.png").write_bytes(b"no picture at all")
    before = stored(both)

    done = await studio.older.imports.frames()
    assert sorted(done.registered) == sorted(keys)
    assert {key for key, _ in done.skipped} == {"nobody/session_1/reference-frames/frame-1.png", f"{session}/frame-08.png"}
    assert stored(both) == before
    assert await frames(studio, "frames-of-ann-example-com") == [(1, keys[1]), (2, keys[0])]
    assert await frames(studio, "req_9") == [(1, keys[2])]
    assert await frames(studio, "session_17") == [(7, keys[3])]
    campaign = await studio.campaigns.get(CampaignId("session_17"))
    assert campaign.user_id == ann.id
    asset = await studio.older.fetches.own(f"https://bucket.example/{keys[3]}?X-Amz-Signature=1")
    assert asset is not None
    assert await studio.assets.read(asset.id) == picture(4)

    again = await studio.older.imports.frames()
    assert (again.registered, again.known) == ([], 4)


async def test_all_can_be_given_to_one_person_and_only_a_folder_be_read(stage: Stage) -> None:
    studio = stage.open()
    put(stage, "u1/session_a/reference-frames/1.png", "u2/session_b/reference-frames/1.png")
    done = await studio.older.imports.frames("u1", user="owner")
    assert done.registered == ["u1/session_a/reference-frames/1.png"]
    assert (await studio.campaigns.get(CampaignId("session_a"))).user_id == "owner"
    with pytest.raises(NotFound):
        await studio.older.imports.frames(user="nobody@example.com")


async def test_what_a_killed_import_has_only_registered_becomes_a_frame_with_the_next(stage: Stage) -> None:
    studio = stage.open()
    put(stage, "owner/session_k/reference-frames/3.png")
    await studio.older.imports.frames()
    await studio.drafts.patch(
        CampaignId("session_k"),
        {"shots": None},
        version=(await studio.drafts.get(CampaignId("session_k"))).version,
        by=Editor("owner"),
    )
    assert await frames(studio, "session_k") == []
    assert (await studio.older.imports.frames()).registered == ["owner/session_k/reference-frames/3.png"]
    assert await frames(studio, "session_k") == [(3, "owner/session_k/reference-frames/3.png")]
