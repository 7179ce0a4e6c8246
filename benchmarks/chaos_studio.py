"""The studio of the chaos run: starts its productions, or goes on with them, and ends when all of them are completed.

Killed at any instant and started again it does the same. What a person would decide it leaves to the person.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from reelwright.bootstrap import Studio, open_studio
from reelwright.config import read_settings
from reelwright.db import campaigns
from reelwright.db.engine import Session
from reelwright.domain.concept import Concept
from reelwright.domain.generation import ModelRef
from reelwright.domain.ids import CampaignId, ShotId
from reelwright.domain.production import Models, ProductionState
from reelwright.domain.storyboard import Shot, Storyboard
from reelwright.services.briefs import read_brief

FRAMES = (
    *("runway:gen4_image", "luma-agents:uni-1"),
    *("replicate:bytedance/seedream-4", "fal:fal-ai/flux/dev"),
)
CLIPS = (
    *("runway:gen4_turbo", "luma-agents:ray-3.2"),
    *("replicate:alibaba/wan-3", "fal:fal-ai/kling-video/v2.5-turbo/standard/image-to-video"),
)
SECONDS = Fraction(2)
"""Of a shot in its film."""
CAP = 500_000_000
LEADING = Path("leading")
"""Made in the folder in which it is started, as soon as it is at work."""
_LOOK = 0.5


def models_of(number: int) -> Models:
    """Every maker of frames meets every maker of clips."""
    frame, clip = FRAMES[number % len(FRAMES)], CLIPS[(number + number // len(FRAMES)) % len(CLIPS)]
    return Models(ModelRef("template:plain"), ModelRef(frame), ModelRef(clip), None)


def storyboard_of(campaign: str, shots: int) -> Storyboard:
    """Each shot has words of its own: by them its jobs are told from all others at the vendors."""
    return Storyboard(
        tuple(
            Shot(
                id=ShotId(f"shot-{number:02d}"),
                title=f"Lamp {number}",
                text=f"Film {campaign} {number}.",
                image_prompt=f"Picture {campaign} {number}: a lamp on a table.",
                motion_prompt="The camera moves in.",
                narration="",
                seconds=SECONDS,
            )
            for number in range(1, shots + 1)
        )
    )


async def begin(studio: Studio, number: int, shots: int) -> CampaignId:
    """Makes the campaign and starts its production, unless an earlier life has done so."""
    fields = {"shots": shots, "seconds": int(SECONDS * shots), "ratio": "16:9", "captions": "soft", "voice_over": False}
    order, models = read_brief(f"A lamp called Ember {number} that wakes you", fields), models_of(number)
    campaign = await studio.campaigns.create(order, CAP, wanted=f"chaos-{number:03d}", models=models)

    def write(session: Session) -> None:
        found = campaigns.get(session, campaign, for_change=True)
        if found.document.storyboard is None:
            concepts = (Concept("Lamps", "A lamp is seen.", "It is seen from all sides.", "Plain."),)
            document = replace(found.document, concepts=concepts, concept=0, storyboard=storyboard_of(campaign, shots))
            campaigns.save(session, campaign, document, found.version)

    if await studio.productions.newest(campaign) is None:
        await studio.database.write(write)
        await studio.productions.start(campaign, models)
    return campaign


async def is_done(studio: Studio, campaign: CampaignId) -> bool:
    """Whether it is completed. One that failed goes on, as soon as no take of it waits for a person."""
    newest = await studio.productions.newest(campaign)
    if newest is not None and newest.state is ProductionState.FAILED and not await studio.doubts.open(campaign):
        await studio.productions.go_on(campaign, newest.models)
    return newest is not None and newest.state is ProductionState.COMPLETED


def tell_leading() -> None:
    """Whoever kills may do it at work from now on."""
    LEADING.touch()


async def produce(productions: int, shots: int) -> None:
    """Works until everything is completed, and everything that is paid for is home."""
    studio = open_studio(read_settings())
    try:
        while not await studio.lead():  # noqa: ASYNC110 - a person's command may lead now
            await asyncio.sleep(_LOOK)
        tell_leading()
        left = [await begin(studio, number, shots) for number in range(productions)]
        while left or await studio.upkeep.unsettled() or await studio.doubts.open():
            await asyncio.sleep(_LOOK)
            await studio.lead()
            left = [campaign for campaign in left if not await is_done(studio, campaign)]
    finally:
        await studio.close()


if __name__ == "__main__":
    asyncio.run(produce(int(sys.argv[1]), int(sys.argv[2])))
