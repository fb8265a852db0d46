"""What a step of each contender consists of, from what bench/peers/profile wrote."""

from __future__ import annotations

import json
import pathlib
from typing import Any

SMALLEST_SHARE = 0.05  # of a step's time; operations with less are not worth a line


class Profiles:
    """The profiles of the first model in the file; of none, if there is no file."""

    def __init__(self, file: pathlib.Path):
        data: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"profiles": []}
        self.data = data
        self.titles: dict[str, str] = data.get("titles", {})
        self.model: str | None = data["profiles"][0]["model"] if data["profiles"] else None
        rows = [row for row in data["profiles"] if row["model"] == self.model]
        self.not_run = {row["contender"]: row["not_run"] for row in rows if "not_run" in row}
        self.rows = {row["contender"]: row for row in rows if "not_run" not in row}

    def of(self, contender: str) -> dict[str, Any] | None:
        return self.rows.get(contender)

    def bytes(self, contender: str) -> float | None:
        """That a step moves, a parameter."""
        return (self.of(contender) or {}).get("bytes_a_parameter")

    def speed(self, contender: str) -> float | None:
        """GB/s over the whole step, in operations and outside."""
        row = self.of(contender)
        if row is None or row["bytes_a_parameter"] is None:
            return None
        return 1e-9 * row["bytes_a_parameter"] * row["parameters"] / row["seconds"]


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def percent(share: float) -> str:
    return f"{100 * share:.0f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def summary_table(profiles: Profiles) -> str:
    head = ["contender", "ms a step", "ms under the profiler", "operations a step", "bytes a parameter",
            "of the time in them, %", "GB/s while in them", "outside, %"]  # fmt: skip
    rows = [
        [
            profiles.titles[name],
            number(1000 * row["seconds"], 1),
            number(1000 * row["profiled_seconds"], 1),
            str(row["operations_a_step"]),
            number(row["bytes_a_parameter"], 1),
            percent(row["share_in_operations"]),
            number(row["gigabytes_a_second"], 1),
            percent(row["share_outside"]),
        ]
        for name, row in profiles.rows.items()
    ]
    return table(head, rows)


def operation_table(profiles: Profiles) -> str:
    """Of each contender those operations that take time or move something."""
    head = ["operation", "contender", "calls a step", "bytes a parameter", "of the time, %", "GB/s"]
    rows = [
        [
            f"`{operation['name']}`"
            if operation["name"].isidentifier() or "::" in operation["name"]
            else operation["name"],
            profiles.titles[name],
            str(operation["calls"]),
            number(operation["bytes_a_parameter"], 1),
            percent(operation["share"]),
            number(operation["gigabytes_a_second"], 1),
        ]
        for name, row in profiles.rows.items()
        for operation in row["operations"]
        if operation["share"] >= SMALLEST_SHARE or (operation["bytes_a_parameter"] or 0.0) >= 1.0
    ]
    return table(head, rows)


def profile_text(path: pathlib.Path) -> str:
    """Markdown for the page."""
    profiles = Profiles(path)
    if profiles.model is None:
        return "Not profiled: `bench/peers/profile` writes what a step of each consists of."
    settings = profiles.data["settings"]
    plural = "s" if settings["threads"] > 1 else ""
    blocks = [
        f"{profiles.model}, {settings['threads']} thread{plural}, {settings['steps']} steps with a profiler and as many without;"
        f" measured on {profiles.data['date'][:10]}, revision {profiles.data['revision']}"
        f"{', on a busy machine' if profiles.data['busy'] else ''}. Profilers take time themselves, the more of it the"
        " more operations there are: parts are those of a step under the profiler, GB/s of the same parts of a step by itself.",
        summary_table(profiles),
        operation_table(profiles),
    ]
    missing = [f"- {profiles.titles[name]}: {reason}" for name, reason in profiles.not_run.items()]
    if missing:
        blocks.append("\n".join(["Not profiled:", "", *missing]))
    return "\n\n".join(blocks)


def traffic(path: pathlib.Path) -> dict[str, float]:
    """Contender: the bytes that its step moves, a parameter; without those of which it is not known."""
    profiles = Profiles(path)
    found = {name: profiles.bytes(name) for name in profiles.rows}
    return {name: moved for name, moved in found.items() if moved is not None}
