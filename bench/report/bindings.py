"""A step through every binding beside a step in C, from what bench/bindings/run measured."""

from __future__ import annotations

import json
import pathlib

from provenance import Origin, Unusable
from results import Spread
from targets import Finding

MOST_SHARE, MOST_NS = 0.01, 5000.0


class BindingRun:
    def __init__(self, file: pathlib.Path):
        if not file.exists():
            raise Unusable(f"there is no {file}: scripts/bench --bindings makes it")
        data = json.loads(file.read_text())
        self.bindings: dict[str, dict] = data["bindings"]
        self.origin = Origin.of("bindings", file, data)

    def _ran(self) -> dict[str, dict]:
        return {name: entry for name, entry in self.bindings.items() if "not_run" not in entry and name != "C"}

    def calls(self, name: str) -> Spread:
        """What a binding adds to a step of tiny tensors, of a step of resnet50 in C.

        Both have the same 161 tensors, and a binding does the same for each whatever its size. But with tiny tensors all that it
        looks at stays in the cache, which a step of resnet50 empties each time: it is less than what resnet50 pays.
        """
        extras = self.bindings[name]["tiny_extra_ns"]
        return Spread.of([extra / self.bindings["C"]["model_ns"] for extra in extras])

    def shares(self) -> dict[str, Spread]:
        """What each binding adds to a step of resnet50, of the step in C, round by round."""
        return {name: Spread.of([ratio - 1.0 for ratio in entry["model_ratios"]]) for name, entry in self._ran().items()}

    def extras(self) -> dict[str, Spread]:
        """Nanoseconds that each adds to a step of tiny tensors."""
        return {name: Spread.of(entry["tiny_extra_ns"]) for name, entry in self._ran().items()}

    def findings(self) -> list[Finding]:
        share, tiny = self.shares(), self.extras()
        shares = "; ".join(
            f"{name} {100 * spread.median:.1f} % ({100 * spread.lower:.1f} – {100 * spread.upper:.1f})"
            for name, spread in share.items()
        )
        extras = "; ".join(f"{name} {spread.median / 1000:.1f} µs" for name, spread in tiny.items())
        return [
            Finding("what a binding adds to a step of resnet50", f"≤ {100 * MOST_SHARE:g} %", shares or "not run",
                    bool(share) and all(spread.median <= MOST_SHARE for spread in share.values()), "bindings_model"),
            Finding("a step of 161 tensors of 64 elements through a binding, beyond that in C", "≤ 5 µs", extras or "not run",
                    bool(tiny) and all(spread.median <= MOST_NS for spread in tiny.values()), "bindings_tiny"),
        ]  # fmt: skip

    HEAD = ["", "161 tensors of 64 elements, µs", "beyond C, µs", "that, of a step of resnet50 in C", "resnet50, ms",
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
                         f"{100 * self.calls(name).median:.2f} %", f"{entry['model_ns'] / 1e6:.2f}",
                         f"{ratio.median:.3f} ({ratio.lower:.3f} – {ratio.upper:.3f})"])  # fmt: skip
        return rows
