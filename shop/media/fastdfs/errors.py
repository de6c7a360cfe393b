"""What can go wrong with FastDFS, told apart by who said it."""

from typing import Final

ENOENT: Final = 2
EINVAL: Final = 22
ENOSPC: Final = 28


class FastDFSError(Exception):
    """Something went wrong between us and the cluster."""


class FileNotThere(FastDFSError):
    """A storage has no such file, or no metadata of it."""


class NothingAvailable(FastDFSError):
    """No tracker names a storage, or nobody can be reached; files may well exist."""


class NoRoom(FastDFSError):
    """No group has room above its reserve."""


class RequestRefused(FastDFSError):
    """A server would not do that; asking again is no use. `status` is the errno it gave."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with status {status}")
        self.status = status


class LinkLost(FastDFSError):
    """The connection ended, fell silent or spoke nonsense; `answered` says whether a reply had begun."""

    def __init__(self, reason: str, *, answered: bool = False) -> None:
        super().__init__(reason)
        self.answered = answered


def problem(status: int) -> FastDFSError:
    """What a storage means by a status that is not 0."""
    match status:
        case 2:
            return FileNotThere("no such file")
        case 28:
            return NoRoom("a storage has no room")
        case _:
            return RequestRefused(status)
