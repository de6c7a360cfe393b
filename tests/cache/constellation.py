"""A primary, a replica and a sentinel on loopback ports, to be killed by a test."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from shop.placement import valkey_server

NAME = "shop"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Constellation:
    """Starts what is asked for, and ends it by its process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def server(self, replica_of: int | None = None) -> int:
        """The port of a new server; a replica has caught up."""
        replication = ("--replicaof", "127.0.0.1", str(replica_of)) if replica_of else ()
        # A replica a few seconds behind is a replica all the same: no waiting for the usual five before it copies.
        port = self._start("--save", "", "--repl-diskless-sync-delay", "0", *replication)
        if replica_of:
            until(lambda: self.info(port)["master_link_status"] == "up")
        return port

    def sentinel(self, primary: int) -> int:
        """The port of a sentinel that has found the primary's replica."""
        port = free_port()
        config = self._folder / f"sentinel-{port}.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\nsentinel monitor {NAME} 127.0.0.1 {primary} 1\n"
            f"sentinel down-after-milliseconds {NAME} 300\nsentinel failover-timeout {NAME} 3000\n"
        )
        self._run(port, str(config), "--sentinel")
        with Redis(port=port) as client:
            until(lambda: [r["is_slave"] for r in client.sentinel_slaves(NAME)] == [True])
        return port

    def info(self, port: int) -> dict[str, Any]:
        with Redis(port=port) as client:
            return dict(client.info("replication"))

    def kill(self, port: int) -> None:
        """kill -9."""
        child = self._children.pop(port)
        child.kill()
        child.wait()

    def stop(self) -> None:
        for port in list(self._children):
            self.kill(port)

    def _start(self, *options: str) -> int:
        port = free_port()
        folder = self._folder / str(port)
        folder.mkdir()
        self._run(port, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), *options)
        return port

    def _run(self, port: int, *arguments: str) -> None:
        command = [str(valkey_server()), *arguments]
        self._children[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=self._folder)
        with Redis(port=port) as client:
            until(client.ping)


def until(happens: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if happens():
                return
        except (RedisError, OSError):
            pass
        assert time.monotonic() < end
        time.sleep(0.02)
