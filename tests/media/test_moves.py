"""Camera moves: exact clips, smooth motion, and type that never leaves the frame."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from reelwright.domain.generation import Direction, Kind, ModelRef, Request
from reelwright.domain.timing import Size
from reelwright.errors import InvalidMedia
from reelwright.media import camera
from reelwright.media.camera import Share, move_for, place
from reelwright.media.cards import draw_card
from reelwright.media.moves import film_still

ALL_MOTIONS = ["push in", "pull out", "pan left", "pan right", "tilt up", "tilt down", "parallax", "static"]


def clip_request(
    motion: str = "", *, size: Size = Size(320, 180), rate: Fraction = Fraction(24), seconds: Fraction = Fraction(1)
) -> Request:
    direction = Direction(title="A quiet morning", text="A cup of coffee.", motion=motion, number=2, count=5, style="swiss")
    return Request(Kind.CLIP, ModelRef("animatic:camera"), "", size, rate, seconds, direction=direction)


def card(size: Size = Size(320, 180)) -> bytes:
    return draw_card(clip_request(size=size), None, None)


def photograph() -> bytes:
    y, x = np.mgrid[:400, :600]
    pixels = np.stack([np.sin(x / 23) * 90 + 128, np.sin(y / 17) * 90 + 128, np.sin((x + y) / 31) * 90 + 128], -1)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def filmed(path: Path, still: bytes, request: Request) -> Path:
    film_still(still, request, path, lambda _: None)
    return path


@pytest.mark.parametrize(
    ("size", "rate", "seconds", "frames"),
    [
        (Size(320, 180), Fraction(24), Fraction(3), 72),
        (Size(180, 320), Fraction(24000, 1001), Fraction(5, 2), 60),
        (Size(240, 240), Fraction(30), Fraction(1, 10), 3),
    ],
)
def test_a_clip_is_exactly_what_was_asked_for(tmp_path: Path, size: Size, rate: Fraction, seconds: Fraction, frames: int) -> None:
    path = filmed(tmp_path / "clip.mp4", card(size), clip_request("push in", size=size, rate=rate, seconds=seconds))

    with av.open(str(path)) as container:
        assert len(container.streams) == 1, "no sound"
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(video=0) if packet.size]
        container.seek(0)
        decoded = list(container.decode(video=0))
        context = stream.codec_context

        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
        assert len(decoded) == frames
        assert all((frame.width, frame.height) == size for frame in decoded)
        assert stream.time_base is not None
        assert [frame.pts * stream.time_base for frame in decoded if frame.pts is not None] == [at / rate for at in range(frames)]
        keys = [index for index, packet in enumerate(packets) if packet.is_keyframe]
        assert keys[0] == 0
        assert all(later - earlier <= 2 * rate for earlier, later in pairwise(keys))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_the_same_still_gives_the_same_clip(tmp_path: Path) -> None:
    for still in (card(), photograph()):
        one = filmed(tmp_path / "one.mp4", still, clip_request("parallax"))
        two = filmed(tmp_path / "two.mp4", still, clip_request("parallax"))

        assert one.read_bytes() == two.read_bytes()


def test_clips_of_one_film_share_their_decoder_settings(tmp_path: Path) -> None:
    settings: set[bytes | None] = set()
    for motion, still in (("push in", card()), ("pan left", photograph())):
        with av.open(str(filmed(tmp_path / f"{motion}.mp4", still, clip_request(motion)))) as container:
            settings.add(container.streams.video[0].codec_context.extradata)

    assert len(settings) == 1


@pytest.mark.parametrize("motion", ALL_MOTIONS)
def test_every_move_moves_and_never_jerks(tmp_path: Path, motion: str) -> None:
    path = filmed(tmp_path / "clip.mp4", photograph(), clip_request(motion, seconds=Fraction(2)))
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray").astype(float) for frame in container.decode(video=0)]
    steps = [np.abs(later - earlier).mean() for earlier, later in pairwise(frames)]
    inner = np.array(steps[6:-6])

    assert np.abs(frames[-1] - frames[0]).mean() > 2, "it moves"
    assert inner.min() > 0.05, "it never stands still and jumps"
    assert inner.max() < inner.mean() * 2.5, "no step is much larger than the others"


@pytest.mark.parametrize("motion", ALL_MOTIONS)
def test_the_cameras_speed_changes_by_less_than_a_sixteenth_of_a_pixel(motion: str) -> None:
    move = move_for(Direction(motion=motion), has_depth=True)
    for share in Share:
        corners = np.array([place(move, share, at / 119, (1600, 900)) for at in range(120)])
        bends = np.abs(np.diff(corners, n=2, axis=0))

        assert bends.max() < 0.06, "a second difference is a change of speed between two frames, in pixels"


@given(st.sampled_from(ALL_MOTIONS), st.floats(0, 1), st.sampled_from([(1600, 900), (900, 1600), (1200, 1200), (1980, 840)]))
def test_no_move_ever_shows_more_than_there_is_or_cuts_the_title_safe_area(motion: str, at: float, size: tuple[int, int]) -> None:
    move = move_for(Direction(motion=motion), has_depth=True)
    for share in Share:
        left, top, width, height = place(move, share, at, size)

        assert left >= -1e-6
        assert top >= -1e-6
        assert left + width <= size[0] + 1e-6
        assert top + height <= size[1] + 1e-6
    left, top, width, height = place(move, Share.TYPE, at, size)
    assert left <= size[0] * 0.035
    assert left + width >= size[0] * 0.965
    assert top <= size[1] * 0.035
    assert top + height >= size[1] * 0.965


def test_type_can_be_read_from_the_first_frame_to_the_last(tmp_path: Path) -> None:
    size = Size(640, 360)
    request = clip_request("push in", size=size, seconds=Fraction(3))
    path = filmed(tmp_path / "clip.mp4", draw_card(request, None, None), request)
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]

    for frame in (frames[0], frames[len(frames) // 2], frames[-1]):
        ink = frame < 60
        assert not ink[:, :13].any(), "nothing dark touches the left edge"
        assert ink[:, : size.width // 2].sum() > 2000, "the headline is there, whole and dark"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Slow push in, then pan left", camera.MoveKind.PUSH),
        ("The camera pans slowly to the left", camera.MoveKind.PAN_LEFT),
        ("Schwenk nach rechts", camera.MoveKind.PAN_RIGHT),
        ("Kamera fährt langsam zurück, herauszoomen", camera.MoveKind.PULL),
        ("travelling arrière", camera.MoveKind.PULL),
        ("镜头慢慢推近", camera.MoveKind.PUSH),
        ("カメラは左へ", camera.MoveKind.PAN_LEFT),
        ("التصوير إلى الأعلى", camera.MoveKind.TILT_UP),
        ("tilt down to the table", camera.MoveKind.TILT_DOWN),
        ("the camera orbits the bottle", camera.MoveKind.PARALLAX),
        ("static, locked off", camera.MoveKind.DRIFT),
    ],
)
def test_the_motion_text_names_the_move_in_many_languages(text: str, kind: camera.MoveKind) -> None:
    assert move_for(Direction(motion=text), has_depth=True).kind is kind


def test_without_a_motion_text_the_moves_vary() -> None:
    kinds = [move_for(Direction(number=number, count=9), has_depth=True).kind for number in range(1, 9)]

    assert len(set(kinds)) >= 5
    assert all(one is not other for one, other in pairwise(kinds))


def test_progress_is_told_as_it_goes(tmp_path: Path) -> None:
    told: list[float] = []

    film_still(photograph(), clip_request(seconds=Fraction(3)), tmp_path / "clip.mp4", told.append)

    assert told == sorted(told)
    assert told[-1] == 1
    assert len(told) >= 72 // 12


def test_a_clip_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(_: float) -> NoReturn:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        film_still(photograph(), clip_request(), tmp_path / "clip.mp4", stop)
    with pytest.raises(InvalidMedia):
        film_still(b"nothing", clip_request(), tmp_path / "clip.mp4", lambda _: None)

    assert list(tmp_path.iterdir()) == []
