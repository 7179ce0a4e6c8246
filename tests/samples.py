"""Small real media, and campaigns for it, for tests that send and fetch files."""

# PyAV's stubs leave the packets of `mux` and `encode` without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from reelwright.domain.ids import CampaignId
from reelwright.services.briefs import read_brief
from serving import House


def picture(seed: int = 0, size: tuple[int, int] = (64, 48), kind: str = "PNG") -> bytes:
    """A picture that no other seed makes."""
    noise = np.random.default_rng(seed).integers(0, 255, (*reversed(size), 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, kind)
    return content.getvalue()


def clip(seed: int = 0, frames: int = 12) -> bytes:
    """Half a second of 160x96 H.264 in MP4."""
    content = io.BytesIO()
    with av.open(content, "w", format="mp4") as file:
        video = file.add_stream("libx264", rate=Fraction(24), options={"preset": "ultrafast"})
        assert isinstance(video, VideoStream)
        video.width, video.height, video.pix_fmt = 160, 96, "yuv420p"
        for number in range(frames):
            image = np.full((96, 160, 3), (20 * number % 255, 40 + seed, 90), np.uint8)
            file.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(video.encode())
    return content.getvalue()


def campaign_of(house: House, person: str, name: str = "A lamp called Ember") -> CampaignId:
    """A new campaign of that person's."""
    user = house.person(person)
    return house.run(lambda studio: studio.campaigns.create(read_brief(name, {"shots": 1, "seconds": 2}), None, user=user))
