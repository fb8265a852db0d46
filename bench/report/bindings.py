"""A step through every binding beside a step in C, from what bench/bindings/run measured."""

from __future__ import annotations

import json
import pathlib

from results import Spread
from targets import Finding

MOST_SHARE, MOST_NS = 0.01, 5000.0


class BindingRun:
    def __init__(self, file: pathlib.Path):
        data = json.loads(file.read_text()) if file.exists() else {}
        self.bindings: dict[str, dict] = data.get("bindings", {})
        self.date: str = data.get("date", "no day")[:10]

    def _ran(self) -> dict[str, dict]:
        return {name: entry for name, entry in self.bindings.items() if "not_run" not in entry and name != "C"}

    def _share(self, entry: dict) -> Spread:
        """What the binding adds to a step of resnet50, of the step in C.

        Both models have the same 161 tensors, and a binding does the same for each whatever its size: what it adds is
        measured where it shows, on tiny tensors. Steps of resnet50 themselves differ more from process to process, by
        where their memory happens to lie, than by their binding.
        """
        return Spread.of([extra / self.bindings["C"]["model_ns"] for extra in entry["tiny_extra_ns"]])

    def findings(self) -> list[Finding]:
        share = {name: self._share(entry) for name, entry in self._ran().items()}
        tiny = {name: Spread.of(entry["tiny_extra_ns"]) for name, entry in self._ran().items()}
        shares = "; ".join(f"{name} {spread.median:.2%}" for name, spread in share.items())
        extras = "; ".join(f"{name} {spread.median / 1000:.1f} µs" for name, spread in tiny.items())
        return [
            Finding("what a binding adds to a step of resnet50", f"≤ {MOST_SHARE:.0%}", shares or "not run",
                    bool(share) and all(spread.median <= MOST_SHARE for spread in share.values()), "bindings_model"),
            Finding("a step of 161 tensors of 64 elements through a binding, beyond that in C", "≤ 5 µs", extras or "not run",
                    bool(tiny) and all(spread.median <= MOST_NS for spread in tiny.values()), "bindings_tiny"),
        ]  # fmt: skip

    HEAD = ["", "161 tensors of 64 elements, µs", "beyond C, µs", "beyond C, of a step of resnet50", "resnet50, ms",
            "resnet50, time / time in C"]  # fmt: skip

    def rows(self) -> list[list[str]]:
        rows = []
        for name, entry in self.bindings.items():
            if "not_run" in entry:
                rows.append([name, "not run", entry["not_run"], "", "", ""])
                continue
            ratio, extra = Spread.of(entry["model_ratios"]), Spread.of(entry["tiny_extra_ns"])
            rows.append([name, f"{entry['tiny_ns'] / 1e3:.1f}",
                         f"{extra.median / 1e3:.1f} ({extra.lower / 1e3:.1f} – {extra.upper / 1e3:.1f})",
                         f"{self._share(entry).median:.2%}", f"{entry['model_ns'] / 1e6:.2f}",
                         f"{ratio.median:.3f} ({ratio.lower:.3f} – {ratio.upper:.3f})"])  # fmt: skip
        return rows
