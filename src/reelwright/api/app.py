"""The application: every router in its place, and what goes around all of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry

from reelwright import __version__
from reelwright.api import (
    accounts,
    assets,
    budgets,
    calls,
    campaigns,
    concepts,
    contract,
    drafts,
    events,
    films,
    health,
    hooks,
    media,
    metrics,
    oidc,
    pages,
    productions,
    providers,
    quotes,
    search,
    shares,
    sign_in,
    storyboards,
    takes,
    tokens,
    trash,
    uploads,
    users,
    verify,
)
from reelwright.api.callers import SIGNED_IN, Callers
from reelwright.api.contract.refusals import OlderForm
from reelwright.api.headers import SafeHeaders
from reelwright.api.journal import Counts, Journal
from reelwright.api.limits import BodyLimit
from reelwright.api.origins import is_secret
from reelwright.api.problems import Problem, answer_with_problems, problems
from reelwright.bootstrap import Studio

API = "/api/v1"
_SIGNED: tuple[APIRouter, ...] = (
    productions.router,
    takes.router,
    films.router,
    events.router,
    quotes.router,
    budgets.router,
    providers.router,
    campaigns.router,
    drafts.router,
    concepts.router,
    storyboards.router,
    trash.router,
    search.router,
    shares.router,
    hooks.router,
    users.router,
    assets.router,
    uploads.router,
    verify.router,
)
"""Routes below `/api/v1` that ask who one is."""
_OWN: tuple[APIRouter, ...] = (accounts.router, sign_in.router, tokens.router)
"""Routes below `/api/v1` about who one is: they see to themselves who may use them."""
_PUBLIC: tuple[APIRouter, ...] = (
    health.router,
    metrics.router,
    calls.router,
    media.router,
    pages.router,
    oidc.router,
    shares.public,
)
"""Routes with paths of their own that see to themselves who may use them."""


def create_app(studio: Studio, *, is_local: bool = False) -> FastAPI:
    """The studio over HTTP. Whoever opened the studio closes it.

    Args:
        studio: open.
        is_local: whether it is reached from this machine only: then its person needs no ceremony on the first day.
    """
    app = FastAPI(
        title="Reelwright",
        version=__version__,
        summary="From a brief to a finished film, and nothing that was generated is ever lost.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation,
        # Traces, by the standard variables, of everything whose address is no secret itself.
        telemetry={"auto_configure": True, "metrics": False, "logs": False, "exclude": is_secret},
    )
    app.state.studio = studio
    app.state.is_local = is_local
    app.state.metrics = CollectorRegistry()
    answer_with_problems(app)
    for router in _SIGNED:
        app.include_router(router, prefix=API, dependencies=[SIGNED_IN], responses=problems())
    app.include_router(contract.router, dependencies=[SIGNED_IN])
    for router in _OWN:
        app.include_router(router, prefix=API, responses=problems())
    for router in _PUBLIC:
        app.include_router(router)
    _describe(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Callers, studio=studio)
    app.add_middleware(OlderForm)
    app.add_middleware(SafeHeaders, public_url=studio.settings.public_url)
    app.add_middleware(Journal, counts=Counts(app.state.metrics))
    return app


def _operation(route: APIRoute) -> str:
    """The name of an operation is that of its function, so that clients made from the document read well."""
    return route.name


def _describe(app: FastAPI) -> None:
    """Adds to the document what no route says: how problems look, and how one says who one is."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        found = plain()
        parts = found.setdefault("components", {})
        if "securitySchemes" not in parts:
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts["schemas"] = parts.get("schemas", {}) | problem.pop("$defs", {}) | {"Problem": problem}
            parts["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer", "description": "`reelwright token create` makes one."},
                "session": {"type": "apiKey", "in": "cookie", "name": "reelwright_session", "description": "Of a browser."},
            }
            found["security"] = [{"token": []}, {"session": []}]
        return found

    app.openapi = document
