"""Runs of save_state under strace: which system calls a call of the library makes, and runs in which one goes wrong."""

import dataclasses
import os
import pathlib
import re
import subprocess

PROGRAM = os.environ["LARS_SAVE_STATE"]


# Its threads would make calls of their own.
ENVIRONMENT = os.environ | {"OPENBLAS_NUM_THREADS": "1"}


def run(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=ENVIRONMENT, **options)


@dataclasses.dataclass(frozen=True)
class SystemCall:
    name: str
    number: int  # among those of its name in the whole process, from 1
    text: str    # as strace shows it

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


def system_calls(trace: pathlib.Path, *arguments: str) -> list[SystemCall]:
    """Those between the markers of `save_state ARGUMENTS`, which must succeed, and the closing marker."""
    result = run("strace", "-f", "-o", str(trace), PROGRAM, *arguments)
    if result.returncode != 0:
        raise AssertionError(f"save_state {arguments} under strace: {result.stderr}")
    counts: dict[str, int] = {}
    found = []
    inside = False
    for line in trace.read_text(errors="replace").splitlines():
        match = re.match(r"(?:\d+ +)?(\w+)\(", line)
        if match is None:
            continue
        name = match[1]
        counts[name] = counts.get(name, 0) + 1
        if "lars:begin" in line:
            inside = True
            continue
        if inside:
            found.append(SystemCall(name, counts[name], line[match.start(1):]))
        if "lars:end" in line:
            break
    trace.unlink()
    if any(call.name == "sched_yield" for call in found):
        raise AssertionError("another thread runs, so that calls have no fixed numbers")
    return found


def run_with_fault(call: SystemCall, fault: str, *arguments: str) -> subprocess.CompletedProcess:
    """fault as strace's inject wants it: "error=EIO", "signal=KILL", "retval=1"."""
    inject = f"inject={call.name}:{fault}:when={call.number}"
    return run("strace", "-f", "-o", "/dev/null", "-e", f"trace={call.name}", "-e", inject, PROGRAM, *arguments)
