"""The server does what its document says, whatever is thrown at it: no 5xx, and no answer that the document does not name.

`make fuzz` tries thousands of requests; here it is a few of each operation.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from serving import House

EXAMPLES = os.environ.get("REELWRIGHT_EXAMPLES", "2")
PHASES = "examples,coverage,fuzzing" if "REELWRIGHT_EXAMPLES" in os.environ else "fuzzing"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
ENDLESS = "events$"
"""Streams that are over when somebody hangs up."""
NOT_JSON = "/api/v1/uploads/"
"""Its body is a part of a file, which the tool cannot make."""


@pytest.mark.timeout(3600)
def test_nothing_that_is_tried_breaks_it_and_every_answer_is_declared(house: House, tmp_path: Path) -> None:
    with house.client("fuzz") as client:
        token = client.headers["authorization"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{house.origin}/api/v1/openapi.json"]
    command += ["--header", f"Authorization: {token}", "--checks", CHECKS, "--phases", PHASES, "--max-examples", EXAMPLES]
    command += ["--exclude-path-regex", f"{ENDLESS}|{NOT_JSON}", "--seed", "7", "--no-color", "--generation-database", "none"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=3500)
    told = done.stdout[done.stdout.find("= FAILURES") :] if "= FAILURES" in done.stdout else done.stdout + done.stderr
    assert done.returncode == 0, told
    tried = re.search(r"(\d[\d,]*) generated", done.stdout)
    assert tried is not None, told
    assert int(tried[1].replace(",", "")) > 80, told
    sys.stdout.write(f"{tried[0]}\n")
