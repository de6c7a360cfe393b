"""A client for FastDFS 5.11 to 6.16, on asyncio: see docs/decisions/0120-a-fastdfs-client-of-our-own.md."""

from .client import FastDFS as FastDFS
from .errors import FastDFSError as FastDFSError
from .errors import FileNotThere as FileNotThere
from .errors import LinkLost as LinkLost
from .errors import NoRoom as NoRoom
from .errors import NothingAvailable as NothingAvailable
from .errors import RequestRefused as RequestRefused
from .file_ids import FileId as FileId
