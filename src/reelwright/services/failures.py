"""Failures: which of them a vendor's refusal is, whose fault it is, and what the person can do about it, in plain words."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from reelwright.domain.generation import Failure, FailureKind, provider_of
from reelwright.domain.take import Take
from reelwright.errors import CreditsUsedUp, InputRefused, JobUnknown, KeyRefused, Moderated, ProviderError, ReelwrightError
from reelwright.net import redact

_KINDS: tuple[tuple[type[ProviderError], FailureKind], ...] = (
    (KeyRefused, FailureKind.KEY),
    (CreditsUsedUp, FailureKind.CREDITS),
    (InputRefused, FailureKind.INPUT),
    (Moderated, FailureKind.MODERATION),
    (JobUnknown, FailureKind.LOST),
)


class Fault(StrEnum):
    """Whose fault a failure is."""

    REQUEST = "request"
    """What was asked: other words, another picture or another model."""
    ACCOUNT = "account"
    """The key, or the money, of the account at the provider."""
    PROVIDER = "provider"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


_FAULTS = {
    FailureKind.MODERATION: Fault.REQUEST,
    FailureKind.INPUT: Fault.REQUEST,
    FailureKind.KEY: Fault.ACCOUNT,
    FailureKind.CREDITS: Fault.ACCOUNT,
    FailureKind.INTERNAL: Fault.PROVIDER,
    FailureKind.LOST: Fault.PROVIDER,
    FailureKind.UNUSABLE: Fault.PROVIDER,
    FailureKind.CANCELLED: Fault.NOBODY,
    FailureKind.UNKNOWN: Fault.UNKNOWN,
}


def fault_of(kind: FailureKind) -> Fault:
    """Whose fault a failure of that kind is."""
    return _FAULTS[kind]


def reason_of(error: Exception) -> str:
    """Why something failed, in words that may be shown and kept."""
    return redact(error.message) if isinstance(error, ReelwrightError) else type(error).__name__


def refused(error: ProviderError) -> Failure:
    """What a submit that the provider refused has failed of. It took nothing, and would refuse the same again."""
    kind = next((kind for cause, kind in _KINDS if isinstance(error, cause)), FailureKind.UNKNOWN)
    return Failure(reason_of(error), kind=kind)


def advised(failure: Failure, take: Take) -> Failure:
    """The failure with what the person can do, in the provider's own words where it has some, and without any secret."""
    advice = failure.advice or _advice(failure.kind, take)
    return replace(failure, reason=redact(failure.reason), advice=redact(advice))


def _advice(kind: FailureKind, take: Take) -> str:
    name = provider_of(take.request.model)
    again = f"`reelwright resume {take.campaign_id}`"
    match kind:
        case FailureKind.MODERATION:
            return f"The rules of {name} forbid it as it stands: say it in other words, or choose another model, then {again}."
        case FailureKind.INPUT:
            return f"{name} does not take what was asked for: change it, or choose another model, then {again}."
        case FailureKind.KEY:
            return f"Set a key for {name} that works with `reelwright keys set`, then go on with {again}."
        case FailureKind.CREDITS:
            return f"The account at {name} has nothing left: top it up, then go on with {again}."
        case FailureKind.INTERNAL:
            return f"{name} broke, which is not your fault: try again later with {again}."
        case FailureKind.LOST:
            return f"{name} has it no more. {again} asks for it again, which costs again."
        case FailureKind.UNUSABLE:
            return f"{again} asks for it again, which costs again."
        case FailureKind.CANCELLED | FailureKind.UNKNOWN:
            return ""


def told(failure: Failure) -> str:
    """The reason with the advice, for a person."""
    return f"{failure.reason.rstrip('.')}. {failure.advice}" if failure.advice else failure.reason
