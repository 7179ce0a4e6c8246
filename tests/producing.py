"""A served studio with a simulated vendor to pay, for tests that make films over HTTP."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from reelwright.services.briefs import read_brief
from serving import House, served
from staging import VendorThread

MODELS = {"text": "template:plain", "image": "simkey:frame", "video": "simkey:clip", "voice": "none"}
_keys = itertools.count(1)


@contextmanager
def served_with_vendor(folder: Path, *, poll_every: str = "1/20", **settings: Any) -> Generator[tuple[House, VendorThread]]:
    """The two of them, until the block ends."""
    (folder / "vendor").mkdir(parents=True)
    vendor = VendorThread(folder / "vendor")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SIMULATED_URL", vendor.url)
            patch.setenv("SIMULATED_POLL_EVERY", poll_every)
            with served(folder / "home", settings={"workers": 1, **settings}) as house:
                yield house, vendor
    finally:
        vendor.close()


def campaign_of(house: House, name: str, *, shots: int = 2) -> str:
    """A campaign of that person's, with a brief and nothing else."""
    user = house.person(name)
    fields = {"shots": shots, "seconds": max(2, shots), "ratio": "1:1", "captions": "soft", "voice_over": False, "music": False}
    order = read_brief("A lamp called Ember that wakes you", fields)
    return house.run(lambda studio: studio.campaigns.create(order, None, user=user))


def key() -> dict[str, str]:
    """A header with a new key."""
    return {"Idempotency-Key": f"key-{next(_keys)}"}


def start(client: httpx2.Client, campaign: str, **order: Any) -> dict[str, Any]:
    """A production that the client starts."""
    body = {"models": MODELS, "cap_usd": "20", **order}
    answer = client.post(f"/api/v1/campaigns/{campaign}/productions", json=body, headers=key())
    assert answer.status_code == 202, answer.text
    return answer.json()


def ended(client: httpx2.Client, production: str, seconds: float = 120) -> dict[str, Any]:
    """The production when it has ended."""
    return until(
        lambda: found if (found := client.get(f"/api/v1/productions/{production}").json())["ended_at"] else None, seconds
    )


def until(look: Callable[[], Any], seconds: float = 120) -> Any:
    """What `look` finds, as soon as it finds something."""
    gives_up = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < gives_up, "it never came to be"
        time.sleep(0.05)
    return found
