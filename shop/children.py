"""Child processes that end when we do, and the account they run as. Needs nothing but the standard library."""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """The unprivileged account that a child drops to; only root needs one."""

    uid: int
    gid: int

    @classmethod
    def nobody(cls) -> Account | None:
        """Return nobody's account when we are root, None for everybody else; raises KeyError when passwd lacks us."""
        if os.geteuid() != 0:
            pwd.getpwuid(os.geteuid())
            return None
        entry = pwd.getpwnam("nobody")
        return cls(entry.pw_uid, entry.pw_gid)

    def reaches(self, path: Path) -> bool:
        """Whether this account may read and enter (or run) the path."""
        return run_as(self, ["/bin/sh", "-c", 'test -r "$0" && test -x "$0"', str(path)]).returncode == 0


def run_as(account: Account | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a program of our own to its end, with a plain environment."""
    return subprocess.run(  # noqa: S603 - the command is never made of anybody's input
        command, check=False, capture_output=True, text=True, cwd="/", env=plain_environment(),
        user=account.uid if account else None, group=account.gid if account else None,
        extra_groups=[] if account else None,
    )  # fmt: skip


def plain_environment() -> dict[str, str]:
    """Return what a server may know of our environment."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def start_child(
    command: list[str],
    *,
    log: Path | None = None,
    dies_by: signal.Signals = signal.SIGTERM,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path = Path("/"),
    descriptors: tuple[int, ...] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (Ctrl-C is ours to pass on) that gets `dies_by` when we are killed.

    Call it from the main thread: Linux ties the signal to the thread that forked.
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(  # noqa: S603 - the command is never made of anybody's input
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, start_new_session=True, pass_fds=descriptors,
            env=dict(environment) if environment is not None else plain_environment(),
            preexec_fn=_die_with_parent(dies_by),
            user=account.uid if account else None, group=account.gid if account else None,
            extra_groups=[] if account else None,
        )  # fmt: skip
    finally:
        if output:
            output.close()


def wait_until(ready: Callable[[], bool], child: subprocess.Popen[bytes], timeout: float) -> None:
    """Wait until the child is ready (seconds); raises TimeoutError, or ChildProcessError when it ended instead."""
    end = time.monotonic() + timeout
    while not ready():
        if child.poll() is not None:
            raise ChildProcessError(f"ended with status {child.returncode}")
        if time.monotonic() > end:
            raise TimeoutError(f"not ready after {timeout:g} s")
        time.sleep(0.01)


def stop_child(child: subprocess.Popen[bytes], *signals: signal.Signals, patience: float = 10) -> None:
    """Ask with each signal in turn, waiting `patience` seconds, and kill at last."""
    for sign in (*signals, signal.SIGKILL):
        if child.poll() is not None:
            return
        child.send_signal(sign)
        with suppress(subprocess.TimeoutExpired):
            child.wait(patience)


def command_of(pid: int) -> str:
    """Return the command line of a living process, "" when there is none or only a zombie."""
    if sys.platform == "linux":
        with suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        return ""
    listed = run_as(None, ["ps", "-p", str(pid), "-o", "command="])
    return listed.stdout.strip()


def wait_gone(pid: int, timeout: float) -> bool:
    """Wait (seconds) until a process that is not our child has ended."""
    end = time.monotonic() + timeout
    while command_of(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def _die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def prepare() -> None:  # runs after the change of user, which would clear the request
        libc.prctl(PR_SET_PDEATHSIG, sign.value)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
