"""The tables of docs/benchmarks.md."""

from __future__ import annotations

import textwrap

from results import PASSES, PeerRun, Spread, StepRun
from targets import OUT_OF_CACHE, STATE_BYTES, count, figure

CONTENDERS = ("lars", "lars, PROPAGATE", "lars, accumulated", "last accumulate", "lars, whole batch", "lars, norms carried",
              "momentum-SGD loop", "momentum-SGD loop, whole batch", "reference kernels", "blas kernels", "OpenBLAS calls",
              "plain C loops")  # fmt: skip
ONE_THREAD = "plain C loops"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), width=110, break_long_words=False, break_on_hyphens=False)


def threads_of(contender: str, threads: int) -> int:
    return 1 if contender == ONE_THREAD else threads


def grouped(number: int) -> str:
    """25 557 032."""
    return f"{number:,}".replace(",", " ")


def ceilings(steps: list[StepRun], threads: int) -> str:
    names = ("lars", "lars, PROPAGATE")
    head = ["model", "parameters", "tensors", "pass 1, GB/s", "by the loop", "pass 2, GB/s", "by the loop",
            *(f"{name}: share" for name in names)]  # fmt: skip
    rows = []
    for run in steps:
        cells = []
        for number in PASSES:
            loop = run.ceiling(number, threads)
            cells += [f"{run.gigabytes_per_second(loop, threads):.1f}", loop.partition(": ")[2]]
        shares = [figure(run.share_of_ceiling(name, threads)) for name in names]
        rows.append([run.model, grouped(run.parameters), str(run.tensors), *cells, *shares])
    return table(head, rows)


def ceiling_loops(steps: list[StepRun], threads: int) -> str:
    """All loops that were tried."""
    names = ("plain", "unrolled", "prefetching")
    rows = [[f"pass {number}: {name}", *(f"{run.gigabytes_per_second(f'ceiling of pass {number}: {name}', threads):.1f}"
                                         for run in steps)]
            for number in PASSES for name in names]  # fmt: skip
    return table([f"GB/s, {count(threads)}", *(run.model for run in steps)], rows)


def by_model(steps: list[StepRun], threads: int) -> str:
    rows = []
    for name in CONTENDERS:
        rows.append([name, *(f"{run.ns_per_parameter(name, threads_of(name, threads)):.3f}" for run in steps)])
    return table(["ns per parameter", *(run.model for run in steps)], rows)


def bandwidth(steps: list[StepRun], threads: int) -> str:
    rows = []
    for name in CONTENDERS:
        rows.append([name, *(f"{run.gigabytes_per_second(name, threads_of(name, threads)):.1f}" for run in steps)])
    return table(["GB/s", *(run.model for run in steps)], rows)


def peers(run: PeerRun, threads: int, allocator: str) -> str:
    models = run.models(allocator)
    rows = []
    for contender, title in run.titles.items():
        ratios = run.ratios(contender, threads, allocator)
        if ratios and contender != "liblars":
            rows.append([title, *(figure(ratios[model]) if model in ratios else "not run" for model in models)])
    return table([f"time / time of liblars, {count(threads)}", *models], rows)


def place(parameters: int, cache_bytes: int) -> str:
    """Where parameters, gradients and momentum lie while steps follow each other."""
    state = STATE_BYTES * parameters
    if state <= cache_bytes:
        return "cache"
    return "memory" if state >= OUT_OF_CACHE * cache_bytes else "partly cache"


def sizes(runs: list[StepRun], threads: int, cache_bytes: int) -> str:
    names = ("lars", "momentum-SGD loop", "plain C loops")
    rows = []
    for run in runs:
        cells = []
        for name in names:
            of_it = threads_of(name, threads)
            cells.append(figure(run.spread_of_ns(name, of_it), 3) if run.has(name, of_it) else "–")
        rows.append([grouped(run.parameters), place(run.parameters, cache_bytes), *cells])
    return table(["parameters", "lie in", *(f"{name}, ns per parameter" for name in names)], rows)


def largest(steps: dict[str, StepRun], threads: int) -> str:
    run = max((run for name, run in steps.items() if name.startswith("even:")), key=lambda run: run.parameters, default=None)
    if run is None:
        return ""
    return "\n\n" + paragraph(f"""{grouped(run.parameters)} parameters in {run.tensors} tensors take
        {run.ns_per_parameter('lars', threads):.3f} ns per parameter.""")


def by_threads(steps: list[StepRun]) -> str:
    rows = []
    for name in ("lars", "lars, PROPAGATE", "lars, accumulated"):
        for threads in steps[0].threads():
            rows.append([f"{name}, {count(threads)}", *(f"{run.ns_per_parameter(name, threads):.3f}" for run in steps)])
    for number in PASSES:
        for threads in steps[0].threads():
            cells = [f"{run.ns_per_parameter(run.ceiling(number, threads), threads):.3f}" for run in steps]
            rows.append([f"ceiling of pass {number}, {count(threads)}", *cells])
    for threads in steps[0].threads():
        cells = [f"{1e9 * Spread.of(run.ceilings(threads)).median / run.parameters:.3f}" for run in steps]
        rows.append([f"both ceilings, {count(threads)}", *cells])
    return table(["ns per parameter", *(run.model for run in steps)], rows)


TINY = ("lars", "lars, PROPAGATE", "lars, accumulated", "OpenBLAS calls", "plain C loops")


def tiny(run: StepRun) -> str:
    rows = []
    for name in TINY:
        cells = [f"{1e9 * run.median(name, threads) / run.tensors:.0f}" if run.has(name, threads) else "–"
                 for threads in run.threads()]  # fmt: skip
        rows.append([name, *cells])
    return table(["ns per tensor", *(count(threads) for threads in run.threads())], rows)


def memory(steps: list[StepRun]) -> str:
    rows = []
    for run in steps:
        held, momentum = int(run.context["library_bytes"]), 4 * run.parameters
        rows.append([run.model, f"{momentum / 2**20:.1f}", f"{held / 2**20:.1f}", f"{100 * (held / momentum - 1):.3f} %"])
    return table(["model", "momentum, MiB", "all that the library holds, MiB", "more than the momentum"], rows)
