"""Why a target is missed, where it is: what the measurements of docs/benchmarks.md do not say themselves.

Only the reasons of targets that were missed appear on the page, beside what was measured. Whatever number a reason gives is
computed: from the profiles, the measurements, or the definition of LARS.
"""

from __future__ import annotations

import json
import math
import pathlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from bindings import MOST_NS, MOST_SHARE, BindingRun
from peer_reasons import SGD, STEP, PeerReasons, times
from profiles import Profiles
from results import PeerRun, StepRun

MODELS = pathlib.Path(__file__).resolve().parents[1] / "models"
LARGE = ("resnet50", "alexnet", "bert_large")  # those of the targets
NORMS = 8  # bytes a parameter: parameters and gradients are read
CARRIED = 4 + SGD  # gradients alone are read for their norms
# The calls of OpenBLAS in bench/step/workload.cpp, and the bytes a parameter of each.
BLAS_CALLS = {
    "copy": 8,
    "axpy of the decay": 12,
    "nrm2 of w": 4,
    "nrm2 of u": 4,
    "scal": 8,
    "axpy of u": 12,
    "axpy of v": 12,
}


@dataclass(frozen=True)
class Evidence:
    """What was measured."""

    steps: dict[str, StepRun]
    peers: PeerRun
    threads: int
    profiles: Profiles
    bindings: BindingRun

    def large(self) -> dict[str, StepRun]:
        return {name: self.steps[name] for name in LARGE if name in self.steps}

    def by_model(self, value: Callable[[StepRun], str]) -> str:
        return ", ".join(f"{value(run)} ({name})" for name, run in self.large().items())


def noise(_: Evidence) -> str:
    return (
        "The machine is a virtual one, whose neighbours use the same memory: the quartiles show how much a figure moves "
        "within a run."
    )


def tiny(evidence: Evidence) -> str:
    run = evidence.steps["small"]
    lars, loops, blas_calls = (f"{1e9 * run.median(contender, 1) / run.tensors:.0f} ns"
                               for contender in ("lars", "plain C loops", "OpenBLAS calls"))  # fmt: skip
    return (
        "The target is a time, not a ratio: how fast the processor executes the instructions of a step, which "
        f"scripts/instructions counts, decides it. On one thread, in the same rounds, a tensor takes liblars {lars}, plain C "
        f"loops {loops} and the OpenBLAS calls {blas_calls}."
    )


def share_beyond_cache(run: StepRun) -> float:
    """Of the model's parameters, those in tensors of which what the first pass reads does not fit into the last-level cache."""
    parameters = json.loads((MODELS / f"{run.model}.json").read_text())["parameters"]
    counts = [math.prod(parameter["shape"]) for parameter in parameters]
    return sum(count for count in counts if NORMS * count > run.cache_bytes()) / sum(counts)


def beyond_cache(evidence: Evidence) -> str:
    return evidence.by_model(lambda run: f"{100 * share_beyond_cache(run):.0f} %")


def waves(evidence: Evidence) -> str:
    return (
        "A tensor must be read whole before its update begins, so one whose parameters and gradients do not fit into the "
        f"last-level cache gains nothing from waves: such tensors hold {beyond_cache(evidence)} of the parameters."
    )


def carried_bound(run: StepRun, threads: int) -> float:
    """The carried step's bytes at the speeds of the ceilings, over the plain loop's time."""
    norms, update = (run.median(run.ceiling(number, threads), threads) for number in (1, 2))
    return ((CARRIED - SGD) / NORMS * norms + update) / run.median("momentum-SGD loop", threads)


def carried(evidence: Evidence) -> str:
    bounds = evidence.by_model(lambda run: f"{carried_bound(run, evidence.threads):.2f}")
    return (
        "The norm of the gradient is still to be formed, and under REFUSE that of every tensor before anything is written: "
        f"gradients are read twice, {CARRIED} bytes a parameter instead of {SGD}. At the speeds of the ceilings that is a ratio "
        f"of {bounds}; what is above it is the arithmetic of the new weights' sums, which the plain loop has not. Only where "
        "the cache holds gradients between the passes, as under PROPAGATE, can it be less. lars_step_accumulated, which has "
        "its norms already, is the way to the price of SGD."
    )


def carried_waves(evidence: Evidence) -> str:
    return (
        "As above; a gradient is read twice under PROPAGATE, too, and the second time from memory where its tensor does not "
        f"fit into the last-level cache with its parameters: in tensors that hold {beyond_cache(evidence)} of the parameters. "
        "Where it fits, the second reading still costs the cache's time."
    )


def blas(evidence: Evidence) -> str:
    total = sum(BLAS_CALLS.values())
    calls = ", ".join(f"{name} {moved}" for name, moved in BLAS_CALLS.items())

    def speeds(run: StepRun) -> str:
        ours, theirs = (run.ns_per_parameter(name, evidence.threads) for name in ("lars", "OpenBLAS calls"))
        return f"{total / theirs:.0f} beside {STEP / ours:.0f}"

    return (
        f"{len(BLAS_CALLS)} calls move {total} bytes a parameter ({calls}), a step {STEP}: {times(total / STEP)} as many, "
        "which is the ratio if both go at the same speed. GB/s of the calls beside those of a step: "
        f"{evidence.by_model(speeds)}. Where the calls' are more, the next call found in a cache what the last had left there; "
        "where they are less, the ratio is above that of the bytes."
    )


def threads(evidence: Evidence) -> str:
    def share(run: StepRun) -> str:
        one, all_ = (statistics.median(run.ceilings(count)) for count in (1, evidence.threads))
        return f"{100 * all_ / one:.0f} %"

    return (
        f"Of what memory gives to {evidence.threads} threads, one thread alone takes {evidence.by_model(share)}: the ratio of "
        "the ceilings is what can be had."
    )


def looks(evidence: Evidence) -> str:
    return f"{2 * evidence.steps['resnet50'].tensors} arrays" if "resnet50" in evidence.steps else "every array"


def bindings_model(evidence: Evidence) -> str:
    above = {name: spread for name, spread in evidence.bindings.shares().items() if spread.median > MOST_SHARE}
    if not above:
        return "No binding ran."
    texts = [
        f"{name} {100 * spread.median:.1f} % (its calls alone {100 * evidence.bindings.calls(name).median:.2f} %)"
        f"{'' if spread.lower > 0.0 else ', and the lower quartile is not above C'}"
        for name, spread in above.items()
    ]
    text = (
        f"Above it: {'; '.join(texts)}. Calls alone are measured with tiny tensors, all of which stay in the cache; a step "
        "of resnet50 empties it, and where each process's memory happens to lie makes a difference besides."
    )
    if {"Python", "Python, liblars.torch"} & above.keys():
        text += (
            f" In Python {looks(evidence)} are looked at in every step, for their type, their length and where they lie; "
            "Optimizer.bind looks once."
        )
    return text


def bindings_tiny(evidence: Evidence) -> str:
    above = [name for name, spread in evidence.bindings.extras().items() if spread.median > MOST_NS]
    if not above:
        return "No binding ran."
    return (
        f"{' and '.join(above)}: a look at each of {looks(evidence)} costs an interpreted language more than the step of a "
        "tiny one. The drop-in for torch.optim must look, as gradients are new tensors at every step."
    )


def memory(_: Evidence) -> str:
    return (
        "Names, shapes, hyper-parameters and what a step notes of a tensor take as much for a small tensor as for a large "
        "one, and what oneTBB allocates does not grow either: it shows where there are many tensors and few parameters in "
        "each (see Memory)."
    )


REASONS: dict[str, Callable[[Evidence], str]] = {
    "ceiling": noise,
    "waves": waves,
    "accumulated": noise,
    "carried": carried,
    "carried_waves": carried_waves,
    "blas": blas,
    "tiny": tiny,
    "threads": threads,
    "flat": noise,
    "bindings_model": bindings_model,
    "bindings_tiny": bindings_tiny,
    "memory": memory,
}


def reason(key: str, evidence: Evidence) -> str:
    """Why the target of that key is missed; a key that is no contender's is in REASONS."""
    if key in REASONS:
        return REASONS[key](evidence)
    return PeerReasons(evidence.peers, evidence.threads, evidence.profiles).reason(key)
