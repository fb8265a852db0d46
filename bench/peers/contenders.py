"""Who takes part, and under which options each must give what liblars gives.

In all variants r is the trust ratio, u = g + λw the decayed gradient, γ the learning rate. With a constant γ it makes
no difference whether γ is inside the momentum (v ← μv + γru, w ← w − v) or outside (v ← μv + ru, w ← w − γv).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements"
ORACLE = HERE.parent.parent / "tests" / "parity" / "requirements.txt"  # the optax of the parity tests

# Big steps: the tensors change by about their own size, so that rounding of the parameters hides no error of a step.
CHECK_LEARNING_RATE = 0.5
CHECK_TRUST_COEFFICIENT = 0.2
CHECK_MOMENTUM = 0.9
# So small that ‖g‖ + λ‖w‖ and ‖g + λw‖ are one number in binary32, yet not 0: at 0, timm and Paddle do not adapt.
NEGLIGIBLE_DECAY = 1e-12
DECAY = 0.01  # where the definitions agree with decay too


@dataclass(frozen=True)
class Agreement:
    """Options under which a contender and liblars compute the same, and why."""

    weight_decay: float
    adapt: str
    why: str
    learning_rate: float = CHECK_LEARNING_RATE
    momentum: float = CHECK_MOMENTUM
    constant_ratio: bool = False  # gradients as long as the parameters, so that r is η in every step

    def hyperparameters(self) -> dict[str, Any]:
        return {
            "learning_rate": self.learning_rate,
            "momentum": self.momentum,
            "weight_decay": self.weight_decay,
            "trust_coefficient": CHECK_TRUST_COEFFICIENT,
            "adapt": self.adapt,
        }


@dataclass(frozen=True)
class Contender:
    """How to run one contender; `environment` is a folder in build/, `worker` the module and class in workers/."""

    name: str
    title: str
    environment: str
    requirements: Path
    worker: tuple[str, str]
    source: str
    agreements: tuple[Agreement, ...]  # all must hold
    options: dict[str, Any] = field(default_factory=dict)
    allocates: bool = False  # temporaries in every step, so that the allocator bears on its time


SAME = Agreement(DECAY, "all", "liblars's own definition: nothing to match")
SUM_OF_NORMS = "r = η‖w‖ / (‖g‖ + λ‖w‖): liblars has ‖g + λw‖, the same with a negligible λ"
RATIO_OUTSIDE = "r outside the momentum: v ← μv + u, w ← w − γrv"

LIBLARS = Contender(
    "liblars",
    "liblars",
    "peers/liblars",
    REQUIREMENTS / "liblars.txt",
    ("liblars_worker", "Liblars"),
    "include/lars/lars.h",
    (),
)


def on_torch(
    name: str, title: str, worker: str, source: str, agreement: Agreement, allocates: bool = False, **options: Any
) -> Contender:
    requirements = REQUIREMENTS / "torch.txt"
    return Contender(
        name, title, "peers/torch", requirements, ("torch_workers", worker), source, (agreement,), options, allocates
    )


TIMM = Agreement(NEGLIGIBLE_DECAY, "all", f"{SUM_OF_NORMS}; γ outside the momentum; eps 0 instead of its 1e-8")
TIMM_SOURCE = "timm/optim/lars.py"
KOZISTR = Agreement(
    NEGLIGIBLE_DECAY,
    "matrices",
    f"{SUM_OF_NORMS}; γ outside the momentum; tensors of one dimension are neither adapted nor decayed, which liblars"
    " does by its masks",
)
KOZISTR_SOURCE = "pytorch_optimizer/optimizer/lars.py"

PEERS = [
    Contender(
        "liblars_propagate",
        "liblars, PROPAGATE",
        LIBLARS.environment,
        LIBLARS.requirements,
        LIBLARS.worker,
        LIBLARS.source,
        (SAME,),
        {"policy": "propagate"},
    ),
    on_torch("liblars.torch", "liblars.torch", "LiblarsTorch", "bindings/python/src/liblars/torch.py", SAME),
    Contender(
        "optax",
        "optax.lars, jit, donated buffers",
        "venv/parity",  # that of the parity tests
        ORACLE,
        ("optax_worker", "Optax"),
        "optax/_src/alias.py",
        (SAME,),
        allocates=True,
    ),
    on_torch("timm", "timm Lars", "Timm", TIMM_SOURCE, TIMM, allocates=True, foreach=None),
    on_torch("timm_foreach", "timm Lars, foreach", "Timm", TIMM_SOURCE, TIMM, allocates=True, foreach=True),
    on_torch("timm_compiled", "timm Lars, torch.compile", "Timm", TIMM_SOURCE, TIMM, foreach=None, compile=True),
    on_torch(
        "pytorch_optimizer",
        "pytorch_optimizer LARS",
        "PytorchOptimizer",
        KOZISTR_SOURCE,
        KOZISTR,
        allocates=True,
        foreach=None,
    ),
    on_torch(
        "torch_fused_sgd",
        "torch SGD, fused (not LARS)",
        "FusedSgd",
        "torch/optim/sgd.py, aten/src/ATen/native/cpu/FusedSGDKernel.cpp",
        Agreement(
            DECAY,
            "none",
            "momentum SGD on g + λw: liblars with its trust ratio masked out",
            learning_rate=2.0,  # without a trust ratio, the gradients alone decide how far the steps go
        ),
    ),
    Contender(
        "ipex",
        "IPEX Lars, fused",
        "peers/ipex",
        REQUIREMENTS / "ipex.txt",
        ("torch_workers", "Ipex"),
        "intel_extension_for_pytorch/optim/_lars.py, csrc/cpu/aten/kernels/optimizer/LarsNormStepKenl.cpp",
        (
            Agreement(
                NEGLIGIBLE_DECAY,
                "all",
                f"{RATIO_OUTSIDE}; no difference without momentum; {SUM_OF_NORMS}",
                momentum=0.0,
            ),
            Agreement(
                NEGLIGIBLE_DECAY,
                "all",
                f"{RATIO_OUTSIDE}; no difference if r is the same in all steps; {SUM_OF_NORMS}",
                constant_ratio=True,
            ),
        ),
    ),
    Contender(
        "paddle",
        "Paddle LarsMomentum (one thread)",
        "peers/paddle",
        REQUIREMENTS / "paddle.txt",
        ("paddle_worker", "Paddle"),
        "paddle/phi/kernels/cpu/lars_momentum_kernel.cc",
        (Agreement(NEGLIGIBLE_DECAY, "all", f"{SUM_OF_NORMS}; without decay it does not adapt"),),
    ),
]
