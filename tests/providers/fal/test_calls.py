"""fal's calls are believed when they are signed, and never further than to ask."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fal_vendor import FRAME, Met, opened
from listening import listening
from reelwright.errors import InvalidInput
from reelwright.providers.fal import adapter, provider
from reelwright.testing.simulators.behaviour import Phase, Trouble


async def test_calls_come_when_requests_end_repeated_or_late_and_name_them(tmp_path: Path) -> None:
    script = {Phase.WEBHOOK: [Trouble.LATE, Trouble.REPEATED], Phase.FATE: [Trouble.MODERATION]}
    async with listening() as us, opened(tmp_path, webhook=us.url, script=script) as met:
        late, early = await met.submit(FRAME), await met.submit(FRAME)
        assert met.posts[0].query == {"fal_webhook": us.url}
        async with asyncio.timeout(60):
            while len(us.heard) < 4:
                await asyncio.sleep(0.05)
        named = [await met.studio.hint(headers, body) for headers, body in us.heard]
        told = [json.loads(body)["status"] for _, body in us.heard]
        stranger = provider(met.workshop)
        assert await stranger.hint(*us.heard[0]) == early.id.rpartition("/")[2]
        assert (await stranger.poll(early.id)).id == early.id
        assert await stranger.hint(*us.heard[0]) == early.id
        await stranger.aclose()

    assert named == [early.id, early.id, early.id, late.id]
    assert told == ["OK", "OK", "OK", "ERROR"]


async def test_only_a_fresh_call_with_fals_own_signature_is_heard(met: Met, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"request_id": "r1", "status": "OK"}).encode()
    headers, _ = met.vendor.signed(body)
    assert await met.studio.hint(headers, body) == "r1"
    assert await met.studio.hint(headers, body) == "r1"  # a call may come twice

    now = met.vendor.desk.now()
    for wrong, content in (
        (headers, body.replace(b"r1", b"r2")),
        ({**headers, "x-fal-webhook-signature": "00" * 64}, body),
        ({**headers, "x-fal-webhook-signature": "no hex"}, body),
        ({**headers, "x-fal-webhook-user-id": "somebody"}, body),
        ({**headers, "x-fal-webhook-timestamp": str(int(now) + 1)}, body),
        ({**headers, "x-fal-webhook-timestamp": "-1"}, body),
        (met.vendor.signed(body, now - 301)[0], body),
        (met.vendor.signed(body, now + 302)[0], body),
        (met.vendor.signed(b'{"a": 1}')[0], b'{"a": 1}'),
        ({name: value for name, value in headers.items() if name != "x-fal-webhook-request-id"}, body),
    ):
        with pytest.raises(InvalidInput):
            await met.studio.hint(wrong, content)
    assert met.vendor.desk.counts()["keys"] == 1

    met.vendor.signing_key = Ed25519PrivateKey.generate()
    renewed, _ = met.vendor.signed(body)
    with pytest.raises(InvalidInput):
        await met.studio.hint(renewed, body)
    monkeypatch.setattr(adapter, "_KEYS_OLD", 0.0)
    assert await met.studio.hint(renewed, body) == "r1"
    with pytest.raises(InvalidInput):
        await met.studio.hint(headers, body)
