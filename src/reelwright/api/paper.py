"""What plain pages are made of: every word escaped, one style sheet, and a policy that allows nothing else."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --quiet: #55555e; --paper: #f6f6f4; --card: #fff; --line: #8a8a93;
  --accent: #0b57d0; --on-accent: #fff; --alarm: #a3140b; --alarm-paper: #fdecea; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf0; --quiet: #b3b3bd; --paper: #141417; --card: #1f1f24;
  --line: #7d7d88; --accent: #a8c7fa; --on-accent: #06285f; --alarm: #ffb4ab; --alarm-paper: #3b1411; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; background: var(--card); border-radius: 12px; padding: 2rem; }
h1 { margin: 0 0 1.25rem; font-size: 1.5rem; line-height: 1.2; }
p { margin: 0 0 1rem; }
label { display: block; margin: 0 0 .25rem; font-weight: 600; }
input { width: 100%; min-height: 44px; margin: 0 0 1rem; padding: .5rem .75rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: 8px; }
small { display: block; margin: -.25rem 0 .5rem; color: var(--quiet); }
button, a.button { display: block; width: 100%; min-height: 44px; padding: .6rem 1rem; font: inherit; font-weight: 600;
  text-align: center; text-decoration: none; cursor: pointer; border-radius: 8px;
  border: 1px solid var(--accent); background: var(--accent);
  color: var(--on-accent); }
a.button { margin: 1rem 0; background: transparent; color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
main.wide { max-width: 72rem; }
video { display: block; width: 100%; max-height: 80vh; background: #111; border-radius: 8px; }
[role=alert] { padding: .75rem 1rem; border-radius: 8px; background: var(--alarm-paper); color: var(--alarm); }
"""
_DIGEST = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    # A key in the address goes to nobody else; none at all would take the origin from our own forms as well.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""No script, nothing from elsewhere, in nobody's frame, in no cache."""


_PLAYING: Mapping[str, str] = {
    **HEADERS,
    "Content-Security-Policy": f"{HEADERS['Content-Security-Policy']}; media-src 'self'; img-src 'self'",
}
"""Also our own films and pictures."""


def page(
    title: str, *parts: str, status: int = 200, headers: Mapping[str, str] | None = None, plays: bool = False
) -> HTMLResponse:
    """A whole page of parts that are HTML already. One that plays something is wide, and may load it from here."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_STYLE}</style>'
    )
    main = '<main class="wide">' if plays else "<main>"
    body = f"{main}<h1>{escape(title)}</h1>{''.join(parts)}</main>"
    document = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'
    return HTMLResponse(document, status, {**(headers or {}), **(_PLAYING if plays else HEADERS)})


def player(film: str, *, poster: str = "", captions: str = "", language: str = "en", can_download: bool = False) -> str:
    """A film that plays when somebody wants it, at addresses of ours, with its captions on."""
    pictured = f' poster="{escape(poster)}"' if poster else ""
    kept = "" if can_download else ' controlslist="nodownload"'
    told = f'<track kind="captions" src="{escape(captions)}" srclang="{escape(language)}" label="Captions" default>'
    return (
        f'<video controls playsinline preload="metadata" src="{escape(film)}"{pictured}{kept}>{told if captions else ""}</video>'
    )


def paragraph(words: str) -> str:
    """Words."""
    return f"<p>{escape(words)}</p>"


def notice(words: str) -> str:
    """What went wrong, read out at once by who hears a page."""
    return f'<p role="alert">{escape(words)}</p>'


def link(path: str, words: str, *, query: Mapping[str, str] | None = None) -> str:
    """A way to another page."""
    asked = f"?{urlencode(query)}" if query else ""
    return f'<a class="button" href="{escape(path + asked)}">{escape(words)}</a>'


def form(path: str, words: str, *fields: str, hidden: Mapping[str, str] | None = None) -> str:
    """Fields and the button that sends them."""
    kept = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in (hidden or {}).items()
    )
    return f'<form method="post" action="{escape(path)}">{kept}{"".join(fields)}<button>{escape(words)}</button></form>'


def field(
    name: str, label: str, *, kind: str = "text", value: str = "", hint: str = "", complete: str = "", is_first: bool = False
) -> str:
    """One field with its label. What was typed is shown again, but for passwords."""
    told = f'<small id="{name}-hint">{escape(hint)}</small>' if hint else ""
    described = f' aria-describedby="{name}-hint"' if hint else ""
    first = " autofocus" if is_first else ""
    shown = f' value="{escape(value)}"' if value and kind != "password" else ""
    return (
        f'<label for="{name}">{escape(label)}</label>{told}'
        f'<input id="{name}" name="{name}" type="{kind}" autocomplete="{complete}" required{shown}{described}{first}>'
    )
