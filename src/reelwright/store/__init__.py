"""Where the bytes are kept: a folder of this machine, an S3 bucket, or memory for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reelwright.errors import ConfigurationError
from reelwright.store.folder import FolderStore
from reelwright.store.objects import ObjectHead, ObjectStore, check_key

__all__ = ["ObjectHead", "ObjectStore", "check_key", "open_store"]


def open_store(url: str, environment: Mapping[str, str] | None = None) -> ObjectStore:
    """The store that a URL names. Connects to nothing yet.

    Args:
        url: `file:///folder`, `memory:`, or `s3://bucket/prefix?endpoint=...&region=...&sse=AES256|aws:kms&kms_key=...`.
        environment: where AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL are
            looked up; without them obstore asks the machine's own role.

    Raises:
        ConfigurationError: the URL names no store that we know, or says it wrongly.
        StorageError: the folder cannot be made.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if parts.netloc in {"", "localhost"} and parts.path.startswith("/"):
            return FolderStore(Path(unquote(parts.path)))
        case "memory":
            # A folder needs nothing of obstore, and most installations have only that.
            from obstore.store import MemoryStore  # noqa: PLC0415

            from reelwright.store.remote import RemoteStore  # noqa: PLC0415

            return RemoteStore(MemoryStore())
        case "s3":
            from reelwright.store.remote import RemoteStore  # noqa: PLC0415
            from reelwright.store.s3 import bucket_of, client_of  # noqa: PLC0415

            bucket = bucket_of(url, environment or {})
            return RemoteStore(client_of(bucket), bucket=bucket)
        case _:
            # The URL is not repeated: it may hold a password.
            message = (
                f"REELWRIGHT_STORAGE_URL has the unknown form {parts.scheme or 'without scheme'!r}: write "
                "file:///absolute/folder, s3://bucket/prefix or memory:."
            )
            raise ConfigurationError(message)
