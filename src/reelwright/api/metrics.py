"""Figures for Prometheus: requests, and where the studio stands when it is asked."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reelwright.api.callers import StudioHere
from reelwright.api.origins import is_loopback
from reelwright.domain.account import Scope
from reelwright.errors import Forbidden
from reelwright.services.standing import Standing

router = APIRouter(tags=["health"])
_PROXIED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


class _Studio(Collector):
    """The standing of one moment as metrics."""

    def __init__(self, standing: Standing, *, is_leading: bool) -> None:
        self._standing = standing
        self._is_leading = is_leading

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        leads = GaugeMetricFamily("reelwright_leads", "Whether this process does the work of its database.")
        leads.add_metric([], float(self._is_leading))
        yield leads
        productions = GaugeMetricFamily("reelwright_productions", "Productions that have not ended.", labels=("state",))
        for state, count in self._standing.productions.items():
            productions.add_metric([state], count)
        yield productions
        takes = GaugeMetricFamily(
            "reelwright_takes", "Takes that have not ended, or wait for a person.", labels=("provider", "state")
        )
        for (provider, state), count in self._standing.takes.items():
            takes.add_metric([provider, state], count)
        yield takes
        spooled = GaugeMetricFamily("reelwright_spooled_assets", "Assets that wait on a machine until the store takes them.")
        spooled.add_metric([], self._standing.spooled)
        yield spooled


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def show_metrics(studio: StudioHere, request: Request) -> Response:
    """What Prometheus reads. For this machine itself, or with a token of the scope `admin`."""
    caller = request.state.caller
    client = request.client.host if request.client else ""
    is_local = is_loopback(client) and not any(name in request.headers for name in _PROXIED)
    if not is_local and not (caller is not None and caller.can(Scope.ADMIN)):
        msg = "Metrics are for this machine itself, or for a token with the scope 'admin'."
        raise Forbidden(msg)
    now = CollectorRegistry()
    now.register(_Studio(await studio.standing.now(), is_leading=studio.is_leading))
    requests: CollectorRegistry = request.app.state.metrics
    return Response(generate_latest(requests) + generate_latest(now), media_type=CONTENT_TYPE_LATEST)
