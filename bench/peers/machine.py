"""What a measurement ran on."""

import os
import platform
from pathlib import Path


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


def available_bytes() -> int:
    """Memory that new processes can have."""
    return int(first_match("/proc/meminfo", "MemAvailable").split()[0]) * 1024


def describe() -> dict[str, object]:
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
        "load_before": os.getloadavg()[0],
    }
