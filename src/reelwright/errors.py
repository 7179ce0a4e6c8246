"""Every error that Reelwright raises on purpose, in one tree.

```text
ReelwrightError
├── InvalidInput            what was asked cannot be done; names the field and what is allowed
│   ├── InvalidBrief
│   │   └── InvalidDraft    what was typed is no film yet; carries every field that is wrong
│   ├── TooLarge            more bytes than are taken
│   ├── VersionMissing      a change does not name the version that it saw
│   └── InvalidMedia        bytes that are not the picture, clip or sound that they should be
├── NotFound
├── NotSignedIn             nobody, or nobody known, asks
├── Forbidden               somebody asks who may not
├── TooManyTries            wait before the next one; carries how long
├── Conflict                the thing has changed, or is in a state that forbids this
│   ├── VersionConflict     a newer version of a document exists; carries it where it is wanted
│   ├── CampaignLocked      its production runs, so its draft stays as it is
│   └── Cancelled           a person ended the production
├── BudgetExceeded          nothing was submitted, nothing was paid
├── ConfigurationError      a setting is missing or wrong; names the setting
├── Busy                    another process works on this data folder
├── ProviderError           a vendor said no; carries whose fault it is and whether money was taken
│   ├── NotSubmitted        the request provably never arrived: sending again is safe
│   ├── Throttled           the vendor asks to wait; nothing was accepted
│   ├── KeyRefused          the key is missing, wrong, revoked, or may not do this
│   ├── CreditsUsedUp       the account there has no money or no quota left
│   ├── InputRefused        the vendor does not take what was asked for
│   ├── Moderated           the vendor's rules forbid what was asked for
│   ├── JobUnknown          the vendor does not know the job, or not any more
│   └── InDoubt             it is unknowable whether the submit arrived: a person decides
├── DownloadError           an output could not be fetched
│   ├── AddressRefused      the URL leads into a private network or has a forbidden scheme
│   ├── UrlExpired          401, 403, 404 or 410: ask the provider for a fresh URL
│   └── ContentMismatch     other bytes, another length or another digest than announced
├── StorageError            the object store did not take or give the bytes
│   ├── DiskFull            there is no room left on a disk of this machine
│   └── ObjectExists        keys are written once
└── RenderError             a film could not be rendered from its cut list
```

Each error has a stable `code` (for programs) and says whether trying again can help. The message is one sentence for a person:
what is wrong and what to do. It never holds a secret or a signed URL. Errors know nothing of HTTP or of exit codes: the edges
map them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self


class ReelwrightError(Exception):
    """Base of the tree. Survives being written to the durable log and read back."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[type[Self], tuple[str], dict[str, Any]]:
        """Pickle and `copy` rebuild the error from its sentence, and then from what else it knows."""
        return type(self), (self.message,), vars(self)


class InvalidInput(ReelwrightError, ValueError):
    """What was asked cannot be done; the message names the field and what is allowed."""

    code = "invalid_input"


class InvalidBrief(InvalidInput):
    """A brief that cannot become a film."""

    code = "invalid_brief"


class InvalidDraft(InvalidBrief):
    """What was typed is no film yet. `errors` holds every field that is wrong, as its path and what is allowed."""

    code = "invalid_draft"

    def __init__(self, message: str, errors: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.errors = tuple(errors)


class TooLarge(InvalidInput):
    """More bytes than are taken; the message says how many are."""

    code = "too_large"


class VersionMissing(InvalidInput):
    """A change that does not name the version that it saw could overwrite what somebody else has saved."""

    code = "version_missing"


class InvalidMedia(InvalidInput):
    """Bytes that are not the picture, clip or sound that they should be."""

    code = "invalid_media"


class NotFound(ReelwrightError, LookupError):
    """No such thing, or not the caller's."""

    code = "not_found"


class NotSignedIn(ReelwrightError):
    """Nobody asks, or somebody whom we do not know (any more)."""

    code = "not_signed_in"


class Forbidden(ReelwrightError):
    """The caller may not do that; the message says who may."""

    code = "forbidden"


class TooManyTries(ReelwrightError):
    """Too much was tried in too short a time. `retry_after` is in seconds."""

    code = "too_many_tries"
    retryable = True

    def __init__(self, message: str, retry_after: float = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Conflict(ReelwrightError):
    """The thing is in a state that forbids this."""

    code = "conflict"


class VersionConflict(Conflict):
    """A newer version of the document exists. `current` is that one, for who has to merge."""

    code = "version_conflict"

    def __init__(self, message: str, current: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.current = current


class CampaignLocked(Conflict):
    """The campaign's production runs, so its draft cannot be changed now."""

    code = "campaign_locked"


class Cancelled(Conflict):
    """A person ended the production."""

    code = "cancelled"


class BudgetExceeded(ReelwrightError):
    """The cap does not cover the quote. Nothing was submitted, nothing was paid."""

    code = "budget_exceeded"


class ConfigurationError(ReelwrightError):
    """A setting is missing or wrong; the message names it."""

    code = "configuration"


class Busy(ReelwrightError):
    """Another process works on this data folder."""

    code = "busy"
    retryable = True


class ProviderError(ReelwrightError):
    """A vendor refused or failed a job."""

    code = "provider"


class NotSubmitted(ProviderError):
    """The request provably never reached the vendor: sending it again cannot pay twice."""

    code = "not_submitted"
    retryable = True


class Throttled(ProviderError):
    """The vendor asks to wait; it accepted nothing. `retry_after` is in seconds, where the vendor says how long."""

    code = "throttled"
    retryable = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class KeyRefused(ProviderError):
    """The key is missing, wrong, revoked, or may not do this. What was paid for waits until there is a good one."""

    code = "key_refused"


class CreditsUsedUp(ProviderError):
    """The account at the vendor has no money or no quota left."""

    code = "credits_used_up"


class InputRefused(ProviderError):
    """The vendor does not take what was asked for; asking the same again cannot help."""

    code = "input_refused"


class Moderated(ProviderError):
    """The vendor's rules forbid what was asked for."""

    code = "moderated"


class JobUnknown(ProviderError):
    """The vendor does not know the job, or not any more."""

    code = "job_unknown"


class InDoubt(ProviderError):
    """A crash or a time-out hid the vendor's answer: the job may or may not exist. Never sent again blindly."""

    code = "in_doubt"


class DownloadError(ReelwrightError):
    """An output could not be fetched."""

    code = "download"
    retryable = True


class AddressRefused(DownloadError):
    """The URL leads into a private network, or its scheme is not allowed."""

    code = "address_refused"
    retryable = False


class UrlExpired(DownloadError):
    """The URL answered 401, 403, 404 or 410."""

    code = "url_expired"
    retryable = False


class ContentMismatch(DownloadError):
    """Other bytes, another length or another digest than announced."""

    code = "content_mismatch"
    retryable = False


class StorageError(ReelwrightError):
    """The object store did not take or give the bytes."""

    code = "storage"
    retryable = True


class DiskFull(StorageError):
    """There is no room left on a disk of this machine."""

    code = "disk_full"


class ObjectExists(StorageError):
    """Keys are written once, and this one is taken."""

    code = "object_exists"
    retryable = False


class RenderError(ReelwrightError):
    """A film could not be rendered from its cut list."""

    code = "render"
