"""MoviePy's half of `film.py`: makes a film of a plan (JSON), in the environment that has MoviePy. Not run by hand."""

# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# MoviePy is not in the environment that the checks run in.

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moviepy import AudioFileClip, CompositeVideoClip, ImageClip, TextClip, concatenate_videoclips


def moving(shot: dict[str, Any], size: tuple[int, int], rate: int) -> Any:
    """A still with the camera's zoom and travel, as MoviePy's own documentation does it."""
    seconds = shot["frames"] / rate
    still = ImageClip(shot["still"]).with_duration(seconds)
    cover = max(size[0] / still.w, size[1] / still.h)
    (zoom_0, zoom_1), (x_0, x_1), (y_0, y_1) = shot["zoom"], shot["x"], shot["y"]

    def eased(t: float) -> float:
        at = min(1.0, t / seconds)
        return at + (at * at * (3 - 2 * at) - at) * 0.6

    def zoom(t: float) -> float:
        return cover * zoom_0 * (zoom_1 / zoom_0) ** eased(t)

    def place(t: float) -> tuple[float, float]:
        width, height = still.w * zoom(t), still.h * zoom(t)
        x, y = x_0 + (x_1 - x_0) * eased(t), y_0 + (y_1 - y_0) * eased(t)
        return -(width - size[0]) / 2 * (1 + x), -(height - size[1]) / 2 * (1 + y)

    zooming: Callable[[float], float] = zoom
    return CompositeVideoClip([still.resized(zooming).with_position(place)], size=size).with_duration(seconds)


def main() -> None:
    """The command."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    size, rate = tuple(plan["size"]), plan["rate"]
    film = concatenate_videoclips([moving(shot, size, rate) for shot in plan["shots"]])
    captions = [
        TextClip(plan["font"], text, font_size=34, color="white", stroke_color="black", stroke_width=2, text_align="center")
        .with_start(start)
        .with_end(end)
        .with_position(("center", 0.84), relative=True)
        for start, end, text in plan["captions"]
    ]
    whole = CompositeVideoClip([film, *captions], size=size).with_audio(AudioFileClip(plan["sound"]).with_duration(film.duration))
    whole.write_videofile(
        plan["target"],
        fps=rate,
        codec="libx264",
        preset="veryfast",
        ffmpeg_params=["-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"],
        audio_codec="aac",
        audio_bitrate="160k",
        threads=plan["threads"],
        temp_audiofile=str(Path(plan["target"]).with_suffix(".m4a")),
        logger=None,
    )


if __name__ == "__main__":
    main()
