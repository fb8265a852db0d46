"""A step through every binding beside a step in C, from what bench/bindings/run measured."""

from __future__ import annotations

import json
import pathlib

from results import Spread
from targets import Finding

MOST_SHARE, MOST_NS = 1.01, 5000.0


class BindingRun:
    def __init__(self, file: pathlib.Path):
        self.bindings: dict[str, dict] = json.loads(file.read_text())["bindings"] if file.exists() else {}

    def _ran(self) -> dict[str, dict]:
        return {name: entry for name, entry in self.bindings.items() if "not_run" not in entry and name != "C"}

    def findings(self) -> list[Finding]:
        model = {name: Spread.of(entry["model_ratios"]) for name, entry in self._ran().items()}
        tiny = {name: Spread.of(entry["tiny_extra_ns"]) for name, entry in self._ran().items()}
        shares = "; ".join(f"{name} {spread.median:.3f}" for name, spread in model.items())
        extras = "; ".join(f"{name} {spread.median / 1000:.1f} µs" for name, spread in tiny.items())
        return [
            Finding("a step of resnet50 through a binding / in C", f"≤ {MOST_SHARE}", shares or "not run",
                    bool(model) and all(spread.median <= MOST_SHARE for spread in model.values()), "bindings_model"),
            Finding("a step of 161 tensors of 64 elements through a binding, beyond that in C", "≤ 5 µs", extras or "not run",
                    bool(tiny) and all(spread.median <= MOST_NS for spread in tiny.values()), "bindings_tiny"),
        ]  # fmt: skip

    HEAD = ["", "resnet50, ms", "time / time in C", "161 tensors of 64 elements, µs", "beyond C, µs"]

    def rows(self) -> list[list[str]]:
        rows = []
        for name, entry in self.bindings.items():
            if "not_run" in entry:
                rows.append([name, "not run", entry["not_run"], "", ""])
                continue
            ratio, extra = Spread.of(entry["model_ratios"]), Spread.of(entry["tiny_extra_ns"])
            rows.append([name, f"{entry['model_ns'] / 1e6:.2f}",
                         f"{ratio.median:.3f} ({ratio.lower:.3f} – {ratio.upper:.3f})", f"{entry['tiny_ns'] / 1e3:.1f}",
                         f"{extra.median / 1e3:.1f} ({extra.lower / 1e3:.1f} – {extra.upper / 1e3:.1f})"])  # fmt: skip
        return rows
