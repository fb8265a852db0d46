"""What a measurement ran on."""

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

LOOKING_SECONDS = 3
MOST_IN_USE = 0.1


class BusyMachine(Exception):
    """Not a machine to measure on; the message says why."""


def first_match(file: str, key: str) -> str:
    """The value after `key` in a file of lines "key : value"."""
    try:
        for line in Path(file).read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    except OSError:
        pass
    return "unknown"


def content(file: str) -> str:
    try:
        return Path(file).read_text().strip()
    except OSError:
        return "unknown"


def memory_kills() -> int:
    """How many processes the system has killed for want of memory since it started."""
    counts = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    return int(counts.get("oom_kill", 0))


def processors_in_use() -> float:
    """How many processors work for others than this process, which sleeps. Unlike the load average it has forgotten
    what ran before, such as a build."""

    def times() -> tuple[int, int]:
        fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]  # idle, and waiting for input and output

    before, idle_before = times()
    time.sleep(LOOKING_SECONDS)
    after, idle_after = times()
    return (os.cpu_count() or 1) * (1 - (idle_after - idle_before) / max(1, after - before))


def revision() -> str:
    """The commit of this repository that is measured, and whether files differ from it, prose left out."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).resolve().parents[2]), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        changed = git("diff", "--name-only", "HEAD", "--", ".", ":(exclude)docs", ":(exclude)*.md")
        return git("rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def conditions(busy: bool) -> dict[str, Any]:
    """Of what was measured, and on how busy a machine; refuses a busy one unless told that it is `busy`."""
    in_use = processors_in_use()
    if in_use > MOST_IN_USE and not busy:
        raise BusyMachine(
            f"this machine is busy: {in_use:.1f} of its processors are in use, and times would not mean much, with"
            " OpenMP's threads least of all; --busy measures nevertheless, and says so in the file"
        )
    return {"revision": revision(), "load": os.getloadavg()[0], "processors_in_use": round(in_use, 2), "busy": busy}


def available_bytes() -> int:
    """Memory that new processes can have."""
    return int(first_match("/proc/meminfo", "MemAvailable").split()[0]) * 1024


def describe() -> dict[str, Any]:
    return {
        "cpu": first_match("/proc/cpuinfo", "model name"),
        "processors": len(os.sched_getaffinity(0)),
        "caches": {
            name: content(f"/sys/devices/system/cpu/cpu0/cache/index{index}/size")
            for name, index in (("level 1", 0), ("level 2", 2), ("level 3", 3))
        },
        "memory": first_match("/proc/meminfo", "MemTotal"),
        "transparent_huge_pages": content("/sys/kernel/mm/transparent_hugepage/enabled"),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
