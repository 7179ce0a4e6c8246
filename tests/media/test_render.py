"""Films are decoded again: frame by frame, sample by sample, packet by packet."""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from reelwright.domain.brief import CaptionMode
from reelwright.domain.film import Clip, Cue, CutList, Speech
from reelwright.domain.ids import AssetId, TakeId
from reelwright.domain.timing import Size, samples_at
from reelwright.errors import RenderError
from reelwright.media.conform import encoder_extradata
from reelwright.media.encode import ClipWriter
from reelwright.media.probe import probe
from reelwright.media.render import Rendered, render
from reelwright.media.sound import measure
from reelwright.media.splice import configuration
from reelwright.media.workers import Workers

SIZE = Size(320, 192)
VP9: dict[str, Any] = {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}
Frame = npt.NDArray[np.uint8]
Frames = Callable[[str], list[Frame]]
Maker = Callable[..., str]


def cut_list(frames: Sequence[int], **how: Any) -> CutList:
    clips = tuple(Clip(TakeId(f"take-{number}"), AssetId(f"asset-{number}"), count) for number, count in enumerate(frames))
    return CutList(how.pop("size", SIZE), clips, **how)


def digests(frames: Sequence[Frame]) -> list[str]:
    return [hashlib.sha256(frame.tobytes()).hexdigest() for frame in frames]


def luma(frame: Frame) -> npt.NDArray[np.float64]:
    return frame[: frame.shape[0] * 2 // 3].astype(np.float64)


def key_frames(path: str) -> list[int]:
    """The pictures that the file itself names as places to seek to (its `stss` box); libraries guess more of them."""
    data = Path(path).read_bytes()
    at = data.index(b"stss") + 8
    (count,) = struct.unpack_from(">I", data, at)
    return [number - 1 for number in struct.unpack_from(f">{count}I", data, at + 4)]


@pytest.fixture
def film(tmp_path: Path) -> str:
    return str(tmp_path / "film.mp4")


def test_clips_of_one_configuration_are_copied_bit_for_bit(make_clip: Maker, frames_in: Frames, film: str) -> None:
    clips = [make_clip(f"{tint}.mp4", frames=20 + tint, tint=tint) for tint in range(3)]
    done = render(cut_list([20, 21, 22]), clips, [], film)
    assert (done.frames, done.copied, done.encoded) == (63, 63, 0)
    assert digests(frames_in(film)) == [digest for clip in clips for digest in digests(frames_in(clip))]


def test_a_film_is_what_every_player_takes(make_clip: Maker, film: str) -> None:
    render(cut_list([24]), [make_clip("a.mp4", **VP9 | {"size": SIZE})], [], film, "made by hand")
    found = probe(film)
    assert (found.size, found.frames, found.rate, found.pixel_format) == (SIZE, 24, Fraction(24), "yuv420p")
    with av.open(film) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.profile, sound.codec_context.name) == ("High", "aac")
        assert (sound.rate, sound.layout.name) == (48000, "stereo")
        assert int(video.codec_context.colorspace) == 1
        assert container.metadata["comment"] == "made by hand"
    data = Path(film).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert not Path(f"{film}.part").exists()


@pytest.mark.parametrize("rate", [Fraction(24), Fraction(24000, 1001), Fraction(30), Fraction(25)])
def test_length_is_exact_to_the_frame_and_to_the_sample(rate: Fraction, make_clip: Maker, film: str) -> None:
    clips = [make_clip(f"{tint}.mp4", frames=17, tint=tint, rate=rate) for tint in range(3)]
    render(cut_list([17, 17, 17], rate=rate), clips, [], film)
    found = probe(film)
    assert (found.frames, found.rate, found.is_constant_rate) == (51, rate, True)
    with av.open(film) as container:
        assert container.streams.audio[0].duration == samples_at(51, rate)


def limping(number: int) -> int:
    """The milliseconds of a frame of a clip whose frames come as they like."""
    return number * 40 + number % 3 * 7


def test_other_codecs_rates_sizes_and_lengths_are_conformed(make_clip: Maker, frames_in: Frames, film: str) -> None:
    clips = [
        make_clip("a.mp4"),
        make_clip("b.webm", **VP9, tint=1),
        make_clip("c.mp4", size=Size(200, 320), tint=2),
        make_clip("d.mp4", rate=Fraction(30), frames=30),
        make_clip("e.mp4", rate=Fraction(12), frames=12, tint=1),
        make_clip("f.mp4", frames=10, tint=2),
        make_clip("g.mp4", times=limping, frames=40),
        make_clip("h.mov", codec="mpeg4", options={"b": "2M"}, size=Size(640, 480)),
    ]
    done = render(cut_list([24] * 8), clips, [], film)
    frames = frames_in(film)
    assert done.frames == len(frames) == 192
    assert probe(film).size == SIZE
    assert len(set(digests(frames[5 * 24 + 10 : 6 * 24]))) <= 14
    held = [np.abs(luma(frame) - luma(frames[5 * 24 + 9])).mean() for frame in frames[5 * 24 + 10 : 6 * 24]]
    assert max(held) < 3, "a clip that is too short holds its last frame"
    moving = [np.abs(luma(a) - luma(b)).mean() for a, b in pairwise(frames[96:120])]
    assert sum(gap < 2 for gap in moving) >= 10, "every frame of a 12 fps clip is seen twice"


def test_a_clip_of_another_shape_covers_the_frame(tmp_path: Path, frames_in: Frames, film: str) -> None:
    """A tall clip with a bright middle: the film shows the middle only, without bars."""
    tall = Image.new("L", (192, 576), 30)
    tall.paste(200, (0, 220, 192, 356))
    half = Image.new("L", (96, 288), 128)
    with ClipWriter(tmp_path / "tall.mp4", Size(192, 576), Fraction(24)) as clip:
        for _ in range(6):
            clip.write((tall, half, half))
    render(cut_list([6], size=Size(320, 192)), [str(tmp_path / "tall.mp4")], [], film)
    seen = luma(frames_in(film)[3])
    assert seen.shape == (192, 320)
    assert seen[96].min() > 190
    assert abs(seen[0].mean() - seen[-1].mean()) < 3


def test_a_clip_that_was_filmed_sideways_is_turned(make_clip: Maker, frames_in: Frames, film: str) -> None:
    path = Path(make_clip("a.mp4", size=Size(192, 320)))
    upright = luma(frames_in(str(path))[0])
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 4 + 36
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    data[matrix : matrix + 36] = quarter
    path.write_bytes(data)
    assert configuration(str(path), cut_list([24], size=Size(192, 320)).clips[0], cut_list([24])) is None
    render(cut_list([24]), [str(path)], [], film)
    assert probe(str(path)).size == SIZE
    seen = luma(frames_in(film)[0])
    assert np.abs(seen - np.rot90(upright, -1)).mean() < 4


def test_a_clip_may_be_trimmed_by_copy_where_no_later_frame_is_needed(make_clip: Maker, frames_in: Frames, film: str) -> None:
    plain = {"preset": "veryfast", "bf": "0"}
    clips = [make_clip(f"{tint}.mp4", frames=30, tint=tint, options=plain) for tint in range(2)]
    done = render(cut_list([11, 30]), clips, [], film)
    assert (done.copied, done.encoded) == (41, 0)
    assert digests(frames_in(film)) == digests(frames_in(clips[0])[:11] + frames_in(clips[1]))


def test_a_clip_may_start_at_a_later_frame(make_clip: Maker, frames_in: Frames, film: str) -> None:
    path = make_clip("a.mp4", frames=40)
    cut = cut_list([12])
    cut = CutList(SIZE, (Clip(TakeId("t"), AssetId("a"), 12, source_in=20),))
    assert render(cut, [path], [], film).encoded == 12
    source, seen = frames_in(path), frames_in(film)
    assert all(np.abs(luma(source[20 + number]) - luma(seen[number])).mean() < 5 for number in range(12))


def test_only_idr_pictures_are_places_to_seek_to(make_clip: Maker, film: str) -> None:
    options = {"preset": "veryfast", "x264-params": "open-gop=1:keyint=8:min-keyint=4:bframes=3"}
    clips = [make_clip(f"{tint}.mp4", frames=40, tint=tint, options=options) for tint in range(2)]
    assert len(key_frames(clips[0])) > 2
    assert render(cut_list([40, 40]), clips, [], film).copied == 80
    assert key_frames(film) == [0, 40]
    assert probe(film).frames == 80


def test_copied_and_encoded_clips_stand_side_by_side(tmp_path: Path, make_clip: Maker, frames_in: Frames, film: str) -> None:
    """The animatic's clips have the settings of the film's own encoder, so a stranger among them does not force them."""
    ours = tmp_path / "ours.mp4"
    with ClipWriter(ours, SIZE, Fraction(24)) as clip:
        for number in range(30):
            y = Image.effect_noise(SIZE, 40 + number)
            clip.write((y, Image.new("L", (160, 96), 100), Image.new("L", (160, 96), 150)))
    with av.open(str(ours)) as file:
        assert file.streams.video[0].codec_context.extradata == encoder_extradata(SIZE, Fraction(24))
    stranger = make_clip("b.webm", **VP9)
    done = render(cut_list([30, 24, 30]), [str(ours), stranger, str(ours)], [], film)
    assert (done.copied, done.encoded) == (60, 24)
    seen, own = digests(frames_in(film)), digests(frames_in(str(ours)))
    assert seen[:30] == seen[54:] == own


# -- captions ---------------------------------------------------------------------------------------------------------

CUES = (
    Cue(Fraction(1, 2), Fraction(1), ("Good morning", "to you")),
    Cue(Fraction(3, 2), Fraction(2), ("صباح الخير Aurora",)),
)


def test_soft_captions_are_a_track_and_the_picture_is_untouched(make_clip: Maker, frames_in: Frames, film: str) -> None:
    path = make_clip("a.mp4", frames=60)
    done = render(cut_list([60], cues=CUES, captions=CaptionMode.SOFT, language="de"), [path], [], film)
    assert done.copied == 60
    assert digests(frames_in(film)) == digests(frames_in(path))
    with av.open(film) as container:
        track = container.streams.subtitles[0]
        assert (track.codec_context.name, track.metadata["language"]) == ("mov_text", "deu")
        shown = [
            (packet.pts, packet.duration, bytes(packet)[2:].decode()) for packet in container.demux(track) if packet.size > 2
        ]
    assert shown == [(500, 500, "Good morning\nto you"), (1500, 500, "\u200f\u202bصباح الخير Aurora\u202c")]


@pytest.mark.parametrize("size", [Size(640, 360), Size(360, 640)])
def test_burned_captions_are_seen_at_their_time_and_place_only(
    size: Size, make_clip: Maker, frames_in: Frames, film: str
) -> None:
    path = make_clip("a.mp4", frames=60, size=size)
    cut = cut_list([60], size=size, cues=CUES, captions=CaptionMode.BURNED)
    done = render(cut, [path], [], film)
    assert (done.frames, done.encoded) == (60, 60)
    source, seen = frames_in(path), frames_in(film)
    changes = [np.abs(luma(a) - luma(b)) for a, b in zip(source, seen, strict=True)]
    has_caption = [number for number, change in enumerate(changes) if change.max() > 90]
    assert has_caption == [*range(12, 24), *range(36, 48)]
    rows = np.flatnonzero(changes[15].max(axis=1) > 90)
    low, high = (0.6, 0.8) if size.height > size.width else (0.7, 0.94)
    assert low * size.height < rows.min() < rows.max() < high * size.height
    columns = np.flatnonzero(changes[15].max(axis=0) > 90)
    assert abs((columns.min() + columns.max()) / 2 - size.width / 2) < 6
    assert luma(seen[15]).max() > 225
    with av.open(film) as container:
        assert not container.streams.subtitles


def test_clips_without_a_burned_caption_are_still_copied(tmp_path: Path, frames_in: Frames, film: str) -> None:
    path = tmp_path / "a.mp4"
    with ClipWriter(path, SIZE, Fraction(24)) as clip:
        for number in range(24):
            clip.write((Image.new("L", SIZE, 60 + number), Image.new("L", (160, 96), 128), Image.new("L", (160, 96), 128)))
    cut = cut_list([24, 24, 24], cues=CUES[:1], captions=CaptionMode.BURNED)
    done = render(cut, [str(path)] * 3, [], film)
    assert (done.copied, done.encoded) == (48, 24)
    assert digests(frames_in(film))[24:] == digests(frames_in(str(path))) * 2


# -- sound ------------------------------------------------------------------------------------------------------------


def test_a_silent_film_has_real_silence_of_its_length(make_clip: Maker, sound_in: Callable[[str], Any], film: str) -> None:
    done = render(cut_list([36]), [make_clip("a.mp4", frames=36)], [], film)
    sound = sound_in(film)
    assert not sound.any()
    assert 0 <= sound.shape[1] - 72_000 < 1024
    assert done.lufs == -70


def test_voices_and_music_meet_the_loudness_and_the_sample(
    make_clip: Maker, make_sound: Maker, tone: Callable[..., Any], sound_in: Callable[[str], Any], film: str
) -> None:
    voices = [make_sound("a.wav", tone(1.0, rate=22050)[:1], 22050), make_sound("b.mp3", tone(1.0, hertz=660))]
    said = (Speech(AssetId("a"), 24, "One."), Speech(AssetId("b"), 72, "Two."))
    clip = make_clip("a.mp4", frames=120)
    done = render(cut_list([120], speech=said, has_music=True, mood="epic", title="Test"), [clip], voices, film)
    sound = sound_in(film)
    found = measure(sound[:, :240_000])
    assert abs(found.lufs + 14) <= 0.5
    assert found.true_peak <= -1
    assert abs(done.lufs - found.lufs) < 0.2
    render(cut_list([120], speech=said), [clip], voices, film)
    sound = sound_in(film)
    for second in (1, 3):
        onset = int(np.argmax(np.abs(sound[0, second * 48000 - 9600 :]) > 0.02)) + second * 48000 - 9600
        assert abs(onset - second * 48000) < 1400, "an mp3 starts with a silence of its own"


# -- endings ----------------------------------------------------------------------------------------------------------


def test_the_same_cut_gives_the_same_bytes(make_clip: Maker, tmp_path: Path) -> None:
    clips = [make_clip("a.mp4"), make_clip("b.webm", **VP9)]
    cut = cut_list([24, 24], cues=CUES, captions=CaptionMode.BURNED, has_music=True, title="Twice")
    films = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    for path in films:
        render(cut, clips, [], str(path))
    assert films[0].read_bytes() == films[1].read_bytes()


ENCODE = """
import hashlib, io, sys
from fractions import Fraction
from reelwright.domain.film import Clip, CutList
from reelwright.domain.timing import Size
from reelwright.media.conform import conformed, write
cut, file = CutList(Size(320, 192), (Clip("t", "a", 48),)), io.BytesIO()
write(file, conformed(sys.argv[1], cut.clips[0], cut), cut.size, cut.rate)
print(hashlib.sha256(file.getvalue()).hexdigest())
"""


def test_what_happens_to_lie_in_memory_decides_nothing(make_clip: Maker) -> None:
    """x264's AVX-512 code read memory that nobody had written; glibc fills it here with one value and then another."""
    clip = make_clip("a.mp4", frames=48)
    runs = [
        subprocess.run(
            [sys.executable, "-c", ENCODE, clip],
            env=os.environ | {"MALLOC_PERTURB_": value},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        for value in ("3", "200")
    ]
    assert runs[0].stdout == runs[1].stdout != ""


def test_what_cannot_be_rendered_is_an_error_and_leaves_no_film(make_clip: Maker, film: str) -> None:
    whole = Path(make_clip("a.webm", **VP9))
    whole.write_bytes(whole.read_bytes()[:300])
    with pytest.raises(RenderError, match=r"does not decode|has no picture"):
        render(cut_list([24]), [str(whole)], [], film)
    with pytest.raises(RenderError, match="1 clips and 0 voices; 2 and 0 files"):
        render(cut_list([24]), ["a", "b"], [], film)
    with pytest.raises(RenderError, match="no clip"):
        render(cut_list([]), [], [], film)
    assert not Path(film).exists()


async def test_a_killed_render_leaves_at_most_its_part_and_the_next_one_is_whole(make_clip: Maker, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    output = str(folder / "film.mp4")
    clip = make_clip("a.webm", **VP9, frames=48)
    cut = cut_list([48] * 12, has_music=True)
    workers = Workers(1)
    fractions: list[float] = []
    no_voices: list[str] = []
    try:
        for patience in (0.15, 0.6, 1.1):
            task = asyncio.create_task(workers.run(render, cut, [clip] * 12, no_voices, output, ""))
            await asyncio.sleep(patience)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.1)
            assert {path.name for path in folder.iterdir()} <= {"film.mp4.part"}
        done = await workers.run(render, cut, [clip] * 12, no_voices, output, "", on_progress=fractions.append)
    finally:
        await workers.aclose()
    assert isinstance(done, Rendered)
    assert done.frames == 576
    assert [path.name for path in folder.iterdir()] == ["film.mp4"]
    assert probe(output).frames == 576
    assert fractions == sorted(fractions)
    assert fractions
