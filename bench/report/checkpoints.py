"""Saving and loading beside plain writes and reads, from what lars-bench-checkpoints measured."""

from __future__ import annotations

import pathlib

from provenance import Origin
from results import ROUNDS, Spread, StepRun
from targets import Finding, figure

TARGET = 1.3
PAIRS = (("lars_save", "plain writes"), ("lars_load", "plain reads"))
EXPECTED = (("resnet50", "disk"), ("resnet50", "memory"), ("bert_large", "memory"))
REASON = (
    "Both calls of liblars hash every tensor besides. Loads and plain reads alike go to new memory in huge pages, and both "
    "wait where the system must first put such pages together, as in a memory that is nearly full of the benchmark's own "
    "files: hence the quartiles."
)


class CheckpointRuns:
    """Results in folders checkpoints-MODEL-WHERE; WHERE is memory or disk."""

    def __init__(self, results: pathlib.Path):
        self.runs = {(model, where): StepRun(results / f"checkpoints-{model}-{where}", "checkpoints", ROUNDS)
                     for model, where in EXPECTED}  # fmt: skip

    def origins(self) -> list[Origin]:
        return [run.origin for run in self.runs.values()]

    def ratios(self, ours: str, plain: str) -> dict[tuple[str, str], Spread]:
        return {key: run.ratio((ours,), plain, 1) for key, run in self.runs.items()}

    def findings(self) -> list[Finding]:
        found = []
        for ours, plain in PAIRS:
            ratios = self.ratios(ours, plain)
            measured = "; ".join(f"{model}, {where} {figure(spread)}" for (model, where), spread in ratios.items())
            met = all(spread.median <= TARGET for spread in ratios.values())
            found.append(Finding(f"`{ours}` / {plain} of as many bytes", f"≤ {TARGET}", measured, met, "checkpoints", REASON))
        return found

    HEAD = ["model, file system", "call", "MB", "GB/s", "GB/s of plain calls", "time / time of plain calls"]

    def rows(self) -> list[list[str]]:
        rows = []
        for (model, where), run in self.runs.items():
            size = int(run.context["bytes"])
            for ours, plain in PAIRS:
                speeds = [f"{size / run.median(name, 1) / 1e9:.2f}" for name in (ours, plain)]
                rows.append([f"{model}, {where}", ours, f"{size / 1e6:.0f}", *speeds, figure(run.ratio((ours,), plain, 1))])
        return rows
