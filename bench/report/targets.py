"""The targets, and what was measured of each."""

from __future__ import annotations

from dataclasses import dataclass

from results import PeerRun, Spread, StepRun

OUT_OF_CACHE = 4  # times the last-level cache, of parameters, gradients and momentum together


@dataclass(frozen=True)
class Finding:
    """One line of the table of targets."""

    what: str
    target: str
    measured: str
    met: bool
    key: str  # under which reasons.py explains a miss

    def row(self) -> str:
        return f"| {self.what} | {self.target} | {self.measured} | {'yes' if self.met else '**no**'} |"


def figure(spread: Spread) -> str:
    return f"{spread.median:.2f} ({spread.lower:.2f} – {spread.upper:.2f})"


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
        for contender, what, key in (
            ("lars, accumulated", "`lars_step_accumulated` / plain momentum-SGD loop", "accumulated"),
            ("lars, norms carried", "carried norms, λ = 0 / plain momentum-SGD loop", "carried"),
            ("lars, norms carried, PROPAGATE", "the same under PROPAGATE", "carried_waves"),
        ):
            ratios = self._ratios(contender, "momentum-SGD loop")
            findings.append(Finding(what, "≤ 1.05", by_model(ratios),
                                    all(one.median <= 1.05 for one in ratios.values()), key))
        return findings

    def _peers(self) -> list[Finding]:
        findings = []
        for contender, target in (("timm", 6.0), ("timm_foreach", 6.0), ("timm_compiled", 6.0),
                                  ("pytorch_optimizer", 6.0), ("paddle", 6.0), ("optax", 3.0), ("ipex", 1.5),
                                  ("torch_fused_sgd", 1.0)):
            ratios = self.peers.ratios(contender, self.threads)
            if ratios:
                measured, met = by_model(ratios), all(one.median >= target for one in ratios.values())
            else:
                measured, met = "did not run: see below", False
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
        best = min(run.threads(), key=lambda threads: run.median("lars", threads))
        spread = Spread.of([1e9 * one / run.tensors for one in run.seconds("lars", best)])
        measured = f"{spread.median:.0f} ns ({spread.lower:.0f} – {spread.upper:.0f}), {best} thread{'s' if best > 1 else ''}"
        return Finding("2000 tensors of 64 to 255 elements, a tensor", "≤ 80 ns", measured, spread.median <= 80.0, "tiny")

    def _threads(self) -> Finding:
        lars = {name: Spread.of([run.median("lars", 1) / x for x in run.seconds("lars", self.threads)])
                for name, run in self._large().items()}
        memory = {}
        for name, run in self._large().items():
            bases = ("ceiling of pass 1", "ceiling of pass 2")
            memory[name] = sum(run.median(one, 1) for one in bases) / sum(run.median(one, self.threads) for one in bases)
        measured = "; ".join(f"{name} {figure(lars[name])}, memory {memory[name]:.2f}" for name in lars)
        met = all(lars[name].median >= min(1.8, 0.97 * memory[name]) for name in lars)
        return Finding(f"{self.threads} threads against 1, large models", "≥ 1.8, or what memory gives", measured, met, "threads")

    def sizes(self) -> list[StepRun]:
        singles = [run for name, run in self.steps.items() if name.startswith("single:")]
        return sorted(singles, key=lambda run: run.parameters)

    def _flat(self) -> Finding:
        large = [run for run in self.sizes() if 12 * run.parameters >= OUT_OF_CACHE * self.cache_bytes]
        costs = [run.ns_per_parameter("lars", self.threads) for run in large]
        spread = max(costs) / min(costs) - 1.0
        sizes = f"{large[0].parameters:.0e} to {large[-1].parameters:.0e}".replace("e+0", "e")
        return Finding("ns per parameter from 10^6 to 10^9, out of cache", "flat within 15 %",
                       f"{100 * spread:.0f} % between the least and the most, {sizes}", spread <= 0.15, "flat")

    def _memory(self) -> Finding:
        shares = {name: int(run.context["library_bytes"]) / (4 * run.parameters) - 1.0 for name, run in self._large().items()}
        measured = "; ".join(f"{name} {100 * share:.3f} %" for name, share in shares.items())
        return Finding("memory beyond the momentum", "< 0.1 % of it", measured,
                       all(share < 0.001 for share in shares.values()), "memory")
