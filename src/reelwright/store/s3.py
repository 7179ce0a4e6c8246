"""What an S3 bucket needs beside obstore: its settings out of a URL, and requests that obstore cannot sign."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit
from xml.etree import ElementTree as ET

from obstore.store import S3Store

from reelwright.errors import ConfigurationError, ProviderError, ReelwrightError, StorageError
from reelwright.net import Net

if TYPE_CHECKING:
    from obstore.store import S3Config

_OPTIONS = frozenset({"endpoint", "region", "sse", "kms_key"})
_ENCRYPTIONS = frozenset({"", "AES256", "aws:kms"})
_SIGNED_FOR = timedelta(minutes=5)
_MAX_PAGES = 1000


@dataclass(frozen=True)
class Bucket:
    """Where a bucket is and who we are to it."""

    name: str
    prefix: str
    endpoint: str
    """Without the bucket, such as `http://127.0.0.1:8333`; empty for AWS."""
    region: str
    encryption: str
    """`AES256`, `aws:kms`, or nothing."""
    kms_key: str
    access_key: str
    """Empty where the machine's own role signs."""
    secret_key: str
    session_token: str

    def url(self, key: str = "") -> str:
        """The address of an object, or of the bucket, unsigned."""
        aws = f"https://{self.name}.s3.{self.region}.amazonaws.com"
        base = f"{self.endpoint}/{self.name}" if self.endpoint else aws
        path = "/".join(part for part in (self.prefix, key) if part) if key else ""
        return f"{base}/{quote(path, safe='/~')}"

    def sign(self, method: str, key: str, query: Mapping[str, str], *, now: datetime) -> str:
        """A URL that carries its permission for five minutes.

        Source: AWS Signature Version 4, query parameters; checked against SeaweedFS and Ceph in November 2026.
        """
        stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
        scope = f"{day}/{self.region}/s3/aws4_request"
        url = urlsplit(self.url(key))
        signed = {
            **query,
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(int(_SIGNED_FOR.total_seconds())),
            "X-Amz-SignedHeaders": "host",
        }
        if self.session_token:
            signed["X-Amz-Security-Token"] = self.session_token
        text = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(signed.items()))
        request = f"{method}\n{url.path}\n{text}\nhost:{url.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        secret = f"AWS4{self.secret_key}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        signature = hmac.new(secret, to_sign.encode(), "sha256").hexdigest()
        return f"{url.scheme}://{url.netloc}{url.path}?{text}&X-Amz-Signature={signature}"


def bucket_of(url: str, environment: Mapping[str, str]) -> Bucket:
    """Reads `s3://bucket/prefix?endpoint=...&region=...&sse=...&kms_key=...`; the URL goes before the AWS_* variables.

    Raises:
        ConfigurationError: a part is missing or unknown; the message names it.
    """
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - _OPTIONS):
        message = f"The storage URL has an unknown option {unknown[0]!r}; known are {', '.join(sorted(_OPTIONS))}."
        raise ConfigurationError(message)
    if not parts.hostname or parts.username or parts.port:
        msg = "The storage URL names no bucket: write s3://bucket/prefix. Keys belong in AWS_* variables."
        raise ConfigurationError(msg)
    encryption = options.get("sse", "")
    if encryption not in _ENCRYPTIONS:
        message = f"The storage URL asks for sse={encryption}; possible are AES256 and aws:kms."
        raise ConfigurationError(message)
    endpoint = options.get("endpoint") or environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL", "")
    if endpoint and urlsplit(endpoint).scheme not in {"http", "https"}:
        message = f"The storage endpoint {endpoint!r} is not an http or https URL."
        raise ConfigurationError(message)
    region = options.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", "")
    return Bucket(
        name=parts.netloc,
        prefix=parts.path.strip("/"),
        endpoint=endpoint.rstrip("/"),
        region=region or "us-east-1",
        encryption=encryption,
        kms_key=options.get("kms_key", ""),
        access_key=environment.get("AWS_ACCESS_KEY_ID", ""),
        secret_key=environment.get("AWS_SECRET_ACCESS_KEY", ""),
        session_token=environment.get("AWS_SESSION_TOKEN", ""),
    )


def client_of(bucket: Bucket) -> S3Store:
    """The client of obstore for a bucket. Opens no connection yet."""
    config: S3Config = {
        "bucket": bucket.name,
        "region": bucket.region,
        # With the signed payload, which is the default: some servers check only the one, some only the other.
        "checksum_algorithm": "SHA256",
    }
    if bucket.endpoint:
        config["endpoint"] = bucket.endpoint
    if bucket.access_key:
        config["access_key_id"], config["secret_access_key"] = bucket.access_key, bucket.secret_key
    if bucket.session_token:
        config["session_token"] = bucket.session_token
    if bucket.encryption:
        config["server_side_encryption"] = bucket.encryption
    if bucket.kms_key:
        config["sse_kms_key_id"] = bucket.kms_key
    return S3Store(
        prefix=bucket.prefix or None,
        config=config,
        client_options={
            "allow_http": bucket.endpoint.startswith("http://"),
            "connect_timeout": "5s",
            "read_timeout": "30s",
            "timeout": "3600s",  # of a whole request with its body: the default of 30 s would cut off long films
        },
        retry_config={"max_retries": 6, "retry_timeout": timedelta(minutes=2)},
    )


async def abort_stale_uploads(bucket: Bucket, older_than: timedelta) -> int:
    """Aborts multipart uploads that were begun before then, and returns how many.

    Where the machine's own role signs, nothing is done: such buckets have a lifecycle rule for it.

    Raises:
        StorageError: the bucket does not let us.
    """
    if not bucket.access_key:
        return 0
    net = Net(allow_private=True)
    now = datetime.now(UTC)
    try:
        stale = await _stale_uploads(net, bucket, now - older_than)
        for key, upload in stale:
            await net.request_text("DELETE", _bucket_wide(bucket).sign("DELETE", key, {"uploadId": upload}, now=now))
    except (ReelwrightError, ET.ParseError) as error:
        message = f"Unfinished uploads cannot be removed: {error}"
        raise StorageError(message) from error
    finally:
        await net.aclose()
    return len(stale)


async def _stale_uploads(net: Net, bucket: Bucket, before: datetime) -> list[tuple[str, str]]:
    """Key (with the prefix) and upload id of each."""
    found: list[tuple[str, str]] = []
    query = {"uploads": "", "prefix": f"{bucket.prefix}/" if bucket.prefix else ""}
    for _ in range(_MAX_PAGES):
        answer = await net.request_text("GET", _bucket_wide(bucket).sign("GET", "", query, now=datetime.now(UTC)))
        page = ET.fromstring(answer)  # noqa: S314 - from the operator's own storage
        for upload in page.iterfind("{*}Upload"):
            begun = datetime.fromisoformat(upload.findtext("{*}Initiated", ""))
            if begun <= before:
                found.append((upload.findtext("{*}Key", ""), upload.findtext("{*}UploadId", "")))
        if page.findtext("{*}IsTruncated") != "true":
            return found
        query["key-marker"] = page.findtext("{*}NextKeyMarker", "")
        query["upload-id-marker"] = page.findtext("{*}NextUploadIdMarker", "")
    msg = "The list of unfinished uploads does not end."
    raise ProviderError(msg)


def _bucket_wide(bucket: Bucket) -> Bucket:
    """The same bucket without our prefix, because its list of uploads names whole keys."""
    return replace(bucket, prefix="")
