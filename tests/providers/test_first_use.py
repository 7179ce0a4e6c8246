"""An SDK takes seconds to be imported: meanwhile the event loop serves the others."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from reelwright.testing.simulators.serving import serving
from visits import QUICK

HARDLY_ANY = 8
"""Small modules that an SDK imports in the middle of a call, of hundreds."""


@pytest.mark.parametrize(
    ("vendor", "name", "package", "models"),
    [
        ("openai", "openai", "openai", ["openai:gpt-image-2.5-sunburst", "openai:gpt-4o-mini-tts"]),
        ("google", "google", "google.genai", ["google:gemini-3.1-flash-image", "google:gemini-omni-1.1-flash"]),
        ("elevenlabs", "elevenlabs", "elevenlabs", ["elevenlabs:eleven_multilingual_v2"]),
        ("runway", "runway", "runwayml", ["runway:gen4.5"]),
        ("luma", "luma", "lumaai", ["luma:ray-2"]),
        ("luma-agents", "luma_agents", "luma_agents", ["luma-agents:uni-1"]),
    ],
)
async def test_the_event_loop_imports_no_sdk(vendor: str, name: str, package: str, models: list[str], tmp_path: Path) -> None:
    async with serving([vendor], tmp_path, behaviours={vendor: QUICK.model_copy()}) as service:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).parents[1] / "first_use.py"),
            *(name, package, *models, json.dumps(dict(service.environment))),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert len(imported := json.loads(out)) <= HARDLY_ANY, imported
