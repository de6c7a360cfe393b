"""Pictures in S3 or what speaks like it: `s3://KEY:SECRET@bucket?endpoint=https://s3.example&region=eu-1`."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store as Bucket

from shop.media.errors import MediaAway, MediaCorrupt, MediaMissing
from shop.media.names import Listed, is_name

T = TypeVar("T")

LOOKS: Final = "SHOP_MEDIA_URL has to look like s3://bucket?endpoint=https://s3.example&region=eu-1"
CONNECT: Final = timedelta(seconds=1)
REPLY: Final = timedelta(seconds=5)


class S3Store:
    """Files in one bucket, below a prefix when there is one; what arrived is compared with what was sent."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def put(self, name: str, data: bytes) -> None:
        """T3: the object that is there afterwards has our size and our MD5; a server that tells another digest is read back."""
        await _asked(self._bucket.put_async(name, data, attributes={"Content-Type": "image/webp"}, use_multipart=False))
        kept = await self._head(name)
        if kept is None or kept["size"] != len(data):
            raise MediaCorrupt(name)
        told = (kept["e_tag"] or "").strip('"')
        # surprise: with keys of its own (SSE-KMS, SSE-C) a server tells something that only looks like an MD5.
        if told != hashlib.md5(data, usedforsecurity=False).hexdigest() and await self.get(name) != data:
            raise MediaCorrupt(name)

    async def get(self, name: str) -> bytes:
        try:
            found = await _asked(self._bucket.get_async(name))
            return bytes(await _asked(found.bytes_async()))
        except FileNotFoundError:
            raise MediaMissing(name) from None

    async def exists(self, name: str) -> bool:
        return await self._head(name) is not None

    async def delete(self, name: str) -> None:
        try:
            await _asked(self._bucket.delete_async(name))
        except FileNotFoundError:
            return

    async def listing(self) -> AsyncIterator[Listed]:
        """Every file of ours; others in the bucket are none of our business."""
        try:
            async for some in self._bucket.list():
                for one in some:
                    if is_name(one["path"]):
                        yield Listed(one["path"], one["last_modified"])
        except (BaseError, OSError) as problem:
            raise MediaAway(_sentence(problem)) from problem

    async def close(self) -> None:
        """The client closes its connections itself."""

    async def _head(self, name: str) -> Any:
        try:
            return await _asked(self._bucket.head_async(name))
        except FileNotFoundError:
            return None


def open_s3(url: str) -> S3Store:
    """The bucket behind an address; without a key in it, those of the environment (AWS_…) count. Raises ValueError."""
    parts = urlsplit(url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if not parts.hostname or set(options) - {"endpoint", "region", "virtual_hosts"}:
        raise ValueError(LOOKS)
    endpoint = options.get("endpoint")
    if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
        raise ValueError(LOOKS)
    keys = {"access_key_id": unquote(parts.username or ""), "secret_access_key": unquote(parts.password or "")}
    config: Any = {name: key for name, key in keys.items() if key}
    if endpoint is not None:
        config["endpoint"] = endpoint
    config["region"] = options.get("region", "us-east-1")
    config["virtual_hosted_style_request"] = options.get("virtual_hosts") == "1"
    # surprise: urlsplit's hostname is lower-cased, which a bucket's name is as well.
    bucket = Bucket(
        parts.hostname,
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options={
            "connect_timeout": CONNECT,
            "timeout": REPLY,
            "allow_http": (endpoint or "").startswith("http:"),
        },
        retry_config={"max_retries": 2, "retry_timeout": REPLY},
    )
    return S3Store(bucket)


async def _asked(work: Awaitable[T]) -> T:
    """What the server answers; raises MediaAway, or FileNotFoundError for what is not there."""
    try:
        return await work
    except (NotFoundError, FileNotFoundError):
        raise FileNotFoundError from None
    except (BaseError, OSError) as problem:
        raise MediaAway(_sentence(problem)) from problem


def _sentence(problem: Exception) -> str:
    """The first line: the others repeat the request, address and all."""
    return str(problem).strip().split("\n", 1)[0][:200]
