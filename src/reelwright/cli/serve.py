"""Serving the studio: its address told, its first owner let in, stopped in order."""

from __future__ import annotations

import json
import sys
from ipaddress import ip_address

from reelwright.api.server import Address, listen, serve
from reelwright.bootstrap import Studio
from reelwright.cli.exits import Exit
from reelwright.cli.foreground import listen as listen_to_signals
from reelwright.cli.foreground import stop, with_studio


def serve_studio(address: Address, *, works: bool, as_json: bool) -> Exit:
    """`reelwright serve`."""

    async def run(studio: Studio) -> Exit:
        listening = listen(address)
        host, port = listening.getsockname()[:2]
        origin = studio.settings.public_url.rstrip("/") or f"http://{_in_a_url(host)}:{port}"
        # On this machine alone the first page that its person opens is theirs; elsewhere whoever comes first would take it.
        link = None if _is_local(host) else await studio.links.welcome()
        listen_to_signals()

        def tell() -> None:
            _tell(origin, f"{origin}{link}" if link else "", as_json=as_json)

        await serve(studio, listening, stop, works=works, ready=tell)
        if not as_json:
            print("Stopped. What was under way goes on at the next start.", file=sys.stderr)
        return Exit.OK

    return with_studio(run)


def _is_local(host: str) -> bool:
    return ip_address(host).is_loopback


def _in_a_url(host: str) -> str:
    """Everywhere is nowhere that a browser could go to: then the machine's own name for itself."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not listened on
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _tell(origin: str, link: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": origin, "setup_url": link or None}), flush=True)
        return
    print(f"The studio is open: {origin}", flush=True)
    if link:
        print(f"Set it up with this link; it works once, within a day: {link}", flush=True)
    print("Ctrl-C stops it; nothing is lost.", flush=True)
