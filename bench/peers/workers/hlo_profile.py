"""What a step that XLA has compiled consists of: its instructions, the bytes that they move, and their time."""

import math
import re
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import jax
from contender import Contender, Operation, Profile

ELEMENT_BYTES = {
    "pred": 1,
    "s8": 1,
    "u8": 1,
    "f16": 2,
    "bf16": 2,
    "s32": 4,
    "u32": 4,
    "f32": 4,
    "s64": 8,
    "u64": 8,
    "f64": 8,
}
SHAPE = re.compile(rf"\b({'|'.join(ELEMENT_BYTES)})\[([\d,]*)\]")
INSTRUCTION = re.compile(r"\s+(?:ROOT )?%([\w.\-]+) = (.+?) ([a-z][\w\-]*)\((.*?)\)(.*)")
NOT_EXECUTED = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast"}


def bytes_of(shape: str) -> int:
    return sum(
        ELEMENT_BYTES[kind] * math.prod(int(extent) for extent in extents.split(",") if extent)
        for kind, extents in SHAPE.findall(shape)
    )


def kind_of(name: str) -> str:
    """Names of instructions of a kind differ by a number at their end."""
    return re.sub(r"(\.\d+|\.clone|\.remat\d*)+$", "", name)


class Program:
    """The entry computation of an optimized program, from its text."""

    def __init__(self, text: str) -> None:
        self.calls: dict[str, int] = defaultdict(int)
        self.bytes: dict[str, int] = defaultdict(int)
        self.reducing: set[str] = set()  # kinds that sum
        self.in_parts = self.instructions = 0
        bodies = self.bodies(text)
        sizes: dict[str, int] = {}
        for line in text[text.index("\nENTRY ") :].splitlines():
            if match := INSTRUCTION.match(line):
                name, shape, opcode, operands, rest = match.groups()
                sizes[name] = bytes_of(shape)
                if opcode not in NOT_EXECUTED:
                    self.add(name, sizes[name] + sum(sizes.get(one, 0) for one in re.findall(r"%([\w.\-]+)", operands)))
                    self.in_parts += "outer_dimension_partitions" in rest
                    called = re.search(r"calls=%([\w.\-]+)", rest)
                    if re.search(r" reduce(-window)?\(", bodies.get(called[1], "") if called else line):
                        self.reducing.add(kind_of(name))

    @staticmethod
    def bodies(text: str) -> dict[str, str]:
        """The computations that fusions call, by name."""
        return {match[1]: match[0] for match in re.finditer(r"^%([\w.\-]+) \(.*?^}", text, re.MULTILINE | re.DOTALL)}

    def add(self, name: str, moved: int) -> None:
        self.instructions += 1
        self.calls[kind_of(name)] += 1
        self.bytes[kind_of(name)] += moved


def traced(contender: Contender, steps: int) -> tuple[float, list[tuple[str, float, float]]]:
    """The seconds of a step under the profiler; name, begin and end, in seconds, of whatever it saw."""
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            seconds = statistics.mean(contender.timed() for _ in range(steps))
        (file,) = Path(folder).rglob("*.xplane.pb")
        data = jax.profiler.ProfileData.from_file(str(file))
    events = [event for plane in data.planes for line in plane.lines for event in line.events]
    return seconds, [(event.name, 1e-9 * event.start_ns, 1e-9 * event.end_ns) for event in events]


def united(intervals: list[tuple[float, float]]) -> float:
    """How long at least one of them lasted."""
    total, until = 0.0, -math.inf
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def of_program(contender: Contender, compiled: Any, steps: int) -> Profile:
    program = Program(compiled.as_text())
    seconds = contender.median_seconds(steps)
    profiled, events = traced(contender, steps)
    busy: dict[str, float] = defaultdict(float)
    intervals = []
    for name, begin, end in events:
        kind = kind_of(name.removeprefix("end: "))
        if kind in program.calls:
            busy[kind] += end - begin
            intervals.append((begin, end))
    # Instructions run beside each other on several threads: their time is their part of that in which any of them ran.
    scale = united(intervals) / steps / sum(busy.values()) if busy else 0.0
    operations = [
        Operation(kind, calls, scale * busy[kind], program.bytes[kind]) for kind, calls in program.calls.items()
    ]
    facts = {
        "instructions": program.instructions,
        "in_parts": program.in_parts,
        "reducing": sorted(program.reducing),
        "temporary_bytes": compiled.memory_analysis().temp_size_in_bytes,
    }
    return Profile(seconds, profiled, operations, compiled.cost_analysis()["bytes accessed"], facts)
