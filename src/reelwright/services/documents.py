"""Campaigns and takes as programs read them: stable names, ids in it, money as a string of dollars, time as ISO 8601."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reelwright.domain.budget import decimal_usd
from reelwright.domain.event import under_way
from reelwright.domain.film import Film
from reelwright.domain.generation import Failure, provider_of
from reelwright.domain.production import Progress, fold
from reelwright.domain.take import Take
from reelwright.services.campaigns import Overview
from reelwright.services.failures import fault_of


def campaign_document(overview: Overview, files: dict[str, Path] | None = None) -> dict[str, Any]:
    """Everything about one campaign."""
    campaign, production = overview.campaign, overview.production
    document = campaign.document
    progress = fold(overview.events)
    return {
        "id": campaign.id,
        "name": campaign.name or document.brief.name,
        "status": campaign.status.value,
        "version": campaign.version,
        "created_at": campaign.created_at.isoformat(),
        "production": {
            "id": production.id,
            "state": production.state.value,
            "error": production.error,
            "models": {
                "text": production.models.text,
                "image": production.models.frame,
                "video": production.models.clip,
                "voice": production.models.voice,
            },
        }
        if production
        else None,
        "progress": _progress(progress),
        "concepts": [concept.title for concept in document.concepts],
        "concept": document.concept,
        "written_by": document.written_by,
        "shots": _shots(overview, progress),
        "takes": [take_document(take) for take in overview.takes],
        "films": [_film(film) for film in overview.films],
        "money": {
            "cap_usd": decimal_usd(overview.balance.cap) if overview.balance.cap is not None else None,
            "reserved_usd": decimal_usd(overview.balance.reserved),
            "charged_usd": decimal_usd(overview.balance.charged),
        },
        "writing": sorted(under_way(overview.events)),
        "notices": list(progress.notices),
        "files": {name: str(path) for name, path in (files or {}).items()},
    }


def _progress(progress: Progress) -> dict[str, Any]:
    return {"stage": progress.stage, "fraction": round(progress.fraction, 4)}


def _shots(overview: Overview, progress: Progress) -> list[dict[str, Any]]:
    storyboard = overview.campaign.document.storyboard
    if storyboard is None:
        return []
    found: list[dict[str, Any]] = []
    for number, shot in enumerate(storyboard.shots, 1):
        known = progress.shots.get(shot.id)
        found.append(
            {
                "id": shot.id,
                "number": number,
                "title": shot.title,
                "text": shot.text,
                "narration": shot.narration,
                "seconds": str(shot.seconds),
                "states": {kind.value: state for kind, state in known.states.items()} if known else {},
                "reason": known.reason if known else "",
                "advice": known.advice if known else "",
            }
        )
    return found


def take_document(take: Take) -> dict[str, Any]:
    """Everything about one take."""
    return {
        "id": take.id,
        "campaign": take.campaign_id,
        "shot": take.shot_id,
        "kind": take.kind.value,
        "number": take.number,
        "provider": provider_of(take.request.model),
        "model": take.request.model,
        "prompt": take.request.prompt,
        "state": take.state.value,
        "created_at": take.created_at.isoformat(),
        "submitted_at": take.submitting_at.isoformat() if take.submitting_at else None,
        "intent": take.intent,
        "job": take.job_id,
        "asset": take.asset_id,
        "quote_usd": decimal_usd(take.quote_micro_usd),
        "charged_usd": decimal_usd(take.charged_micro_usd),
        "reason": take.failure.reason if take.failure else "",
        "failure": _failure(take.failure) if take.failure else None,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    return {
        "kind": failure.kind.value,
        "fault": fault_of(failure.kind).value,
        "reason": failure.reason,
        "advice": failure.advice,
        "is_retryable": failure.is_retryable,
        "is_charged": failure.is_charged,
    }


def _film(film: Film) -> dict[str, Any]:
    return {
        "id": film.id,
        "number": film.number,
        "size": str(film.cut_list.size),
        "seconds": str(film.cut_list.seconds),
        "frames": film.cut_list.frames,
        "assets": dict(film.assets),
        "report": dict(film.report),
    }
