"""What Google's refusals mean."""

from __future__ import annotations

import re

from pydantic import BaseModel, Field, ValidationError

from reelwright.errors import CreditsUsedUp, InputRefused, KeyRefused, Moderated, ProviderError, Throttled
from reelwright.net import Answer, redact
from reelwright.providers.local import MadeNothing

_OF_RULES = ("safety", "prohibited", "policy", "policies", "sensitive")
"""Words by which Google tells that its rules forbid something, where it has no code for it."""


def is_of_rules(told: str) -> bool:
    """Whether it was the rules, by what Google says."""
    return any(word in told.lower() for word in _OF_RULES)


class _Violation(BaseModel):
    quota_id: str = Field("", alias="quotaId")
    quota_value: str = Field("", alias="quotaValue")


class _Detail(BaseModel):
    """Of all kinds of details, what is read of them: google.rpc's ErrorInfo, RetryInfo and QuotaFailure."""

    reason: str = ""
    retry_delay: str = Field("", alias="retryDelay")
    violations: list[_Violation] = []


class _Error(BaseModel):
    message: str = ""
    status: str = ""
    details: list[_Detail] = []

    @property
    def wait(self) -> float | None:
        """Seconds that Google asks to wait."""
        told = next((detail.retry_delay for detail in self.details if detail.retry_delay), "")
        return float(told[:-1]) if re.fullmatch(r"[\d.]+s", told) else None

    @property
    def is_of_money(self) -> bool:
        """Whether a quota is used up that does not come back within minutes."""
        quotas = [violation for detail in self.details for violation in detail.violations]
        has_none = any("PerDay" in quota.quota_id or quota.quota_value == "0" for quota in quotas)
        return has_none or (self.wait is None and "billing" in self.message.lower())


class _Refusal(BaseModel):
    error: _Error


def explain(answer: Answer) -> ProviderError | None:
    """Google's own reading of a refusal; None where the status says it all."""
    try:
        error = _Refusal.model_validate(answer.body).error
    except ValidationError:
        return None  # a server in between, not Google
    told, wait = f"Google says: {redact(error.message)}", error.wait if error.wait is not None else answer.retry_after
    match answer.status:
        case 429:
            return CreditsUsedUp(told) if error.is_of_money else Throttled(told, wait)
        case 400 if error.status == "FAILED_PRECONDITION" or any(each.reason.startswith("API_KEY") for each in error.details):
            return KeyRefused(told)
        case 400 if is_of_rules(error.message):
            return Moderated(told)
        case 400 | 404 if not answer.is_free:
            return InputRefused(told)
        case 503 if not answer.is_free:
            return MadeNothing(told, is_busy=True, retry_after=wait)
        case 500 if not answer.is_free:
            return MadeNothing(told)
        case _:
            return None
