"""Anti-steal tokens: what nginx with FastDFS's module asks for when `http.anti_steal.check_token` is on."""

import hashlib

from shop.media.fastdfs.file_ids import FileId


def token(name: str, secret: str, at: int) -> str:
    """The token of a name without its group; raises ValueError for `at` (Unix seconds) 0, whose tokens never expire."""
    if at <= 0:
        raise ValueError("a token of time 0 would never expire")
    # The module compares MD5, so MD5 it is.
    return hashlib.md5(f"{name}{secret}{at}".encode(), usedforsecurity=False).hexdigest()


def signed_path(file: FileId, secret: str, at: int) -> str:
    """The path and query under which a visitor may fetch the file until the module's token_ttl has passed."""
    return f"/{file}?token={token(file.name, secret, at)}&ts={at}"
