"""What FastDFS costs the process: an upload and a download of 50 KB, against a server in a process of its own.

Goal: at most 0.2 ms of CPU for both together. Run: make bench ARGS=media. Median of five rounds, on uvloop and on plain asyncio.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time

import uvloop

from shop.media.fastdfs import FastDFS
from shop.media.fastdfs.protocol import Server
from tests.bench.results import Result
from tests.bench.shop import Shops

GOAL = 200.0  # µs
FILES = 400
ROUNDS = 5
CALLERS = 16


async def cost(port: int) -> float:
    """CPU µs of this process for an upload and a download."""
    client = FastDFS([Server("127.0.0.1", port)], "group1")
    content = os.urandom(50_000)

    async def caller() -> None:
        for _ in range(FILES // CALLERS):
            assert len(await client.download(await client.upload(content, "webp"))) == len(content)

    rounds = []
    for _ in range(ROUNDS + 1):
        began = time.process_time()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        rounds.append((time.process_time() - began) / FILES * 1e6)
    client.close()
    return statistics.median(rounds[1:])


def main(shops: Shops) -> list[Result]:
    """On a server of its own, in a process of its own."""
    command = [sys.executable, "-m", "tests.media.fastdfs_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                fast = runner.run(cost(port))
            with asyncio.Runner() as runner:
                plain = runner.run(cost(port))
        finally:
            server.kill()
    print(f"upload + download of 50 KB: {fast:.0f} µs CPU on uvloop, {plain:.0f} on plain asyncio")
    return [Result("FastDFS, upload + download of 50 KB", fast, GOAL, "µs CPU")]
