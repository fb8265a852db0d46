"""The targets, and what was measured of each."""

from __future__ import annotations

from dataclasses import dataclass

from results import PeerRun, Spread, StepRun

STATE_BYTES = 12  # a parameter, its gradient and its momentum
OUT_OF_CACHE = 4  # times the last-level cache, of parameters, gradients and momentum together
LINEAR, SHARE_OF_MEMORY = 1.8, 0.97  # two threads' speed over one's: this, or so much of what the ceilings gain
ELEMENTS_PER_THREAD = 65536  # as in src/executor.h: of which another thread is worth its waking
VERDICTS = {True: "yes", False: "**no**", None: "–"}


@dataclass(frozen=True)
class Finding:
    """One line of the table of targets."""

    what: str
    target: str
    measured: str
    met: bool | None  # None if there is no target, and the line is for comparison
    key: str  # under which reasons.py explains a miss,
    reason: str = ""  # unless it is here

    def row(self) -> str:
        return f"| {self.what} | {self.target} | {self.measured} | {VERDICTS[self.met]} |"


def score(findings: list[Finding]) -> str:
    """8 of 22."""
    judged = [finding for finding in findings if finding.met is not None]
    return f"{sum(finding.met is True for finding in judged)} of {len(judged)}"


def figure(spread: Spread, digits: int = 2) -> str:
    return f"{spread.median:.{digits}f} ({spread.lower:.{digits}f} – {spread.upper:.{digits}f})"


def count(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def short(parameters: int) -> str:
    """3e7 for 30 000 000."""
    return f"{parameters:.0e}".replace("e+0", "e")


def by_model(spreads: dict[str, Spread]) -> str:
    return "; ".join(f"{model} {figure(spread)}" for model, spread in spreads.items())


class Targets:
    """Judges one set of results."""

    def __init__(self, steps: dict[str, StepRun], peers: PeerRun, threads: int, cache_bytes: int):
        self.steps = steps
        self.peers = peers
        self.threads = threads
        self.cache_bytes = cache_bytes

    def findings(self) -> list[Finding]:
        return [
            *self._ceilings(),
            *self._price_of_sgd(),
            *self._peers(),
            self._blas(),
            self._tiny(),
            self._threads(),
            self._flat(),
            self._memory(),
        ]

    def _large(self) -> dict[str, StepRun]:
        return {name: self.steps[name] for name in ("resnet50", "alexnet", "bert_large")}

    def _ratios(self, numerator: str, denominator: str) -> dict[str, Spread]:
        return {
            name: run.ratio((numerator,), denominator, self.threads) for name, run in self._large().items()
        }

    def _ceilings(self) -> list[Finding]:
        share = {name: run.share_of_ceiling("lars", self.threads) for name, run in self._large().items()}
        waves = {name: run.share_of_ceiling("lars, PROPAGATE", self.threads) for name, run in self._large().items()}
        return [
            Finding("f32 step, share of the two-pass ceiling", "≥ 0.95", by_model(share),
                    all(one.median >= 0.95 for one in share.values()), "ceiling"),
            Finding("the same under PROPAGATE, beyond the last-level cache", "better than 1", by_model(waves),
                    all(one.median > 1.0 for one in waves.values()), "waves"),
        ]

    def _price_of_sgd(self) -> list[Finding]:
        findings = []
        loop = "momentum-SGD loop"
        for contender, what, key in (
            ("lars, accumulated", "`lars_step_accumulated` alone / plain momentum-SGD loop", "accumulated"),
            ("lars, norms carried", "carried norms, λ = 0 / plain momentum-SGD loop", "carried"),
            ("lars, norms carried, PROPAGATE", "the same under PROPAGATE", "carried_waves"),
        ):
            ratios = self._ratios(contender, loop)
            findings.append(Finding(what, "≤ 1.05", by_model(ratios),
                                    all(one.median <= 1.05 for one in ratios.values()), key))
        batch = by_model(self._ratios("lars, whole batch", f"{loop}, whole batch"))
        what = "a whole batch of two micro-batches, accumulated and stepped / the same by plain loops and momentum-SGD"
        findings.insert(1, Finding(what, "none: for comparison", batch, None, "batch"))
        return findings

    def _peers(self) -> list[Finding]:
        findings = []
        for contender, target in (("timm", 6.0), ("timm_foreach", 6.0), ("timm_compiled", 6.0),
                                  ("pytorch_optimizer", 6.0), ("paddle", 6.0), ("optax", 3.0), ("ipex", 1.5),
                                  ("torch_fused_sgd", 1.0)):
            ratios = self.peers.ratios(contender, self.threads)
            absent = [f"{model} not run, see below" for model in self.peers.models() if model not in ratios]
            measured = "; ".join([by_model(ratios)] * bool(ratios) + absent)
            met = not absent and all(one.median >= target for one in ratios.values())
            title = self.peers.titles[contender]
            goal = "not slower" if target == 1.0 else f"≥ {target:g} × faster"
            findings.append(Finding(f"against {title}", goal, measured, met, contender))
        return findings

    def _blas(self) -> Finding:
        ratios = self._ratios("OpenBLAS calls", "lars")
        return Finding("against the composition of OpenBLAS calls", "≥ 4 × faster", by_model(ratios),
                       all(one.median >= 4.0 for one in ratios.values()), "blas")

    def _tiny(self) -> Finding:
        run = self.steps["small"]
        spreads = {threads: Spread.of([1e9 * one / run.tensors for one in run.seconds("lars", threads)])
                   for threads in run.threads()}
        default = max(spreads)  # no run has more threads than processors, nor does lars_step use more than help
        helpful = max(1, min(default, run.parameters // ELEMENTS_PER_THREAD))
        others = "".join(f"; with {count(threads)} {spread.median:.0f} ns ({spread.lower:.0f} – {spread.upper:.0f})"
                         for threads, spread in spreads.items() if threads != default)
        spread = spreads[default]
        measured = (f"by default, on as many threads as help (here {helpful}), {spread.median:.0f} ns "
                    f"({spread.lower:.0f} – {spread.upper:.0f}){others}")
        return Finding("2000 tensors of 64 to 255 elements, a tensor", "≤ 80 ns by default", measured,
                       spread.median <= 80.0, "tiny")

    def _threads(self) -> Finding:
        texts, met = [], True
        for name, run in self._large().items():
            gains = [one / more for one, more in zip(run.seconds("lars", 1), run.seconds("lars", self.threads), strict=True)]
            memory = [one / more for one, more in zip(run.ceilings(1), run.ceilings(self.threads), strict=True)]
            share = Spread.of([gain / of_memory for gain, of_memory in zip(gains, memory, strict=True)])
            lars = Spread.of(gains)
            texts.append(f"{name} {figure(lars)}, the ceilings {figure(Spread.of(memory))}, one over the other {figure(share)}")
            met = met and (lars.median >= LINEAR or share.median >= SHARE_OF_MEMORY)
        return Finding(f"{self.threads} threads against 1, large models, round by round",
                       f"≥ {LINEAR}, or at least {SHARE_OF_MEMORY} of what the ceilings gain", "; ".join(texts), met, "threads")

    def sizes(self) -> list[StepRun]:
        singles = [run for name, run in self.steps.items() if name.startswith("single:")]
        return sorted(singles, key=lambda run: run.parameters)

    def _flat(self) -> Finding:
        large = [run for run in self.sizes() if STATE_BYTES * run.parameters >= OUT_OF_CACHE * self.cache_bytes]
        costs = [run.ns_per_parameter("lars", self.threads) for run in large]
        spread = max(costs) / min(costs) - 1.0
        listed = ", ".join(f"{short(run.parameters)}: {cost:.3f}" for run, cost in zip(large, costs, strict=True))
        what = (f"ns per parameter of one tensor, out of cache: parameters, gradients and momentum take at least "
                f"{OUT_OF_CACHE} times the last-level cache")
        return Finding(what, "flat within 15 %", f"{listed}; {100 * spread:.0f} % between the least and the most",
                       spread <= 0.15, "flat")

    def _memory(self) -> Finding:
        shares = {name: int(run.context["library_bytes"]) / (4 * run.parameters) - 1.0 for name, run in self._large().items()}
        measured = "; ".join(f"{name} {100 * share:.3f} %" for name, share in shares.items())
        return Finding("memory beyond the momentum", "< 0.1 % of it", measured,
                       all(share < 0.001 for share in shares.values()), "memory")
