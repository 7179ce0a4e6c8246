"""Replicate's calls are believed when they are signed, and never further than to ask."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest
from replicate.webhook import Webhooks, WebhookSigningSecret

from listening import listening
from reelwright.errors import InvalidInput
from reelwright.providers.replicate import adapter
from reelwright.testing.simulators.behaviour import Phase, Trouble
from replicate_vendor import FRAME, Met, opened


async def test_calls_come_when_jobs_end_repeated_or_late_and_name_them(tmp_path: Path) -> None:
    script = {Phase.WEBHOOK: [Trouble.LATE, Trouble.REPEATED]}
    async with listening() as us, opened(tmp_path, webhook=us.url, script=script) as met:
        late, early = await met.submit(FRAME), await met.submit(FRAME, "two")
        assert met.posts[0].body["webhook"] == us.url
        assert met.posts[0].body["webhook_events_filter"] == ["completed"]
        async with asyncio.timeout(60):
            while len(us.heard) < 4:
                await asyncio.sleep(0.05)
        named = [await met.studio.hint(headers, body) for headers, body in us.heard]
        secret = WebhookSigningSecret(key=met.vendor.secret)
        for headers, body in us.heard:
            Webhooks.validate(headers=headers, body=body.decode(), secret=secret, tolerance=60)

    assert named == [early.id, early.id, early.id, late.id]


async def test_only_a_fresh_call_with_the_accounts_own_signature_is_heard(met: Met, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"id": "p1", "status": "succeeded"}).encode()
    headers, _ = met.vendor.signed(body)
    assert await met.studio.hint(headers, body) == "p1"
    assert await met.studio.hint(headers, body) == "p1"  # a call may come twice

    now = met.vendor.desk.now()
    forged = base64.b64encode(bytes(32)).decode()
    for wrong, content in (
        (headers, body.replace(b"p1", b"p2")),
        ({**headers, "webhook-signature": f"v1,{forged}"}, body),
        ({**headers, "webhook-signature": "v1,no-base64 nonsense"}, body),
        ({**headers, "webhook-timestamp": str(int(now) + 1)}, body),
        ({**headers, "webhook-timestamp": "²"}, body),
        (met.vendor.signed(body, now - 301)[0], body),
        (met.vendor.signed(body, now + 302)[0], body),
        (met.vendor.signed(b"{}")[0], b"{}"),
        ({name: value for name, value in headers.items() if name != "webhook-id"}, body),
    ):
        with pytest.raises(InvalidInput):
            await met.studio.hint(wrong, content)
    asked = [each for each in met.vendor.exchanges if each.path == "/v1/webhooks/default/secret"]
    assert len(asked) == 1

    met.vendor.secret = f"whsec_{base64.b64encode(b'another one').decode()}"
    renewed, _ = met.vendor.signed(body)
    with pytest.raises(InvalidInput):
        await met.studio.hint(renewed, body)
    monkeypatch.setattr(adapter, "_SECRET_FRESH", 0.0)
    assert await met.studio.hint(renewed, body) == "p1"
    both = {**renewed, "webhook-signature": f"v1,{forged} {renewed['webhook-signature']}"}
    assert await met.studio.hint(both, body) == "p1"
