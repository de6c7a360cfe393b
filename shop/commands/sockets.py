"""The sockets a web process answers on: opened here, or by a parent that lends them."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Final

BACKLOG: Final = 1024
FIRST_ACTIVATED: Final = 3  # sd_listen_fds(3)


class Taken(Exception):
    """Somebody else listens there; the text is one sentence for a person."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Open the sockets of an address; "localhost" may reach a loopback by IPv6 too. Raises Taken."""
    addresses = [host, "::1"] if host == "127.0.0.1" else [host]
    opened: list[socket.socket] = []
    for address in addresses:
        try:
            opened.append(_tcp(address, port))
        except OSError as problem:
            if opened:  # surprise: a machine may have no IPv6, and needs none
                break
            raise Taken(
                f"Port {port} of {host} cannot be had ({problem.strerror}); choose another with SHOP_PORT."
            ) from None
    return opened


def listen_near(host: str, port: int) -> list[socket.socket]:
    """The same for a server whose address is told to everybody who needs it: any free port will do."""
    try:
        return listen(host, port)
    except Taken:
        return listen(host, 0)[:1]


def address_of(sockets: list[socket.socket]) -> str:
    """Where the first of these sockets is reached by HTTP."""
    host, port = sockets[0].getsockname()[:2]
    return f"http://{host}:{port}"


def listen_on_path(path: Path) -> list[socket.socket]:
    """Open a unix socket for the proxy of our group, replacing one that nobody answers on any more; raises Taken."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        raise Taken(f"Somebody already answers on {path}; stop it, or choose another with SHOP_SOCKET.")
    path.unlink(missing_ok=True)
    opened = socket.socket(socket.AF_UNIX)
    opened.bind(str(path))
    path.chmod(0o660)
    opened.listen(BACKLOG)
    return [opened]


def _tcp(address: str, port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if opened.family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def inherited(numbers: str) -> list[socket.socket]:
    """Take over sockets that the parent opened, by their descriptors ("5,6")."""
    return [socket.socket(fileno=os.dup(int(number))) for number in numbers.split(",")]


def activated(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Take over the sockets that systemd opened for this process, which it keeps open while we restart; [] when there are none."""
    process, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdecimal():
        return []
    numbers = range(FIRST_ACTIVATED, FIRST_ACTIVATED + int(count))
    for number in numbers:
        os.set_inheritable(number, False)
    return [socket.socket(fileno=number) for number in numbers]
