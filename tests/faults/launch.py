"""Becomes a command that has sockets as systemd gives them: `launch.py 5,6 COMMAND…`, 5 and 6 being descriptors."""

import fcntl
import os
import sys

FIRST = 3  # sd_listen_fds(3)
FAR = 100

numbers = [int(number) for number in sys.argv[1].split(",") if number]
away = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, FAR) for number in numbers]
for place, number in enumerate(away, FIRST):
    os.dup2(number, place)
os.environ["LISTEN_PID"], os.environ["LISTEN_FDS"] = str(os.getpid()), str(len(numbers))
os.execv(sys.argv[2], sys.argv[2:])
