"""Originals on PyTorch."""

from types import ModuleType
from typing import Any, ClassVar

import torch

from original import Arrays, Configuration, Original, load_file, load_package

Groups = list[dict[str, Any]]


class OnTorch(Original):
    variant = "torch"
    excluded_group: ClassVar[dict[str, float]] = {"weight_decay": 0.0}

    def __init__(self, parameters: Arrays, configuration: Configuration):
        self.tensors = [torch.nn.Parameter(torch.from_numpy(array.copy())) for array in parameters]
        self.optimizer = self.make(self.groups(configuration), configuration)

    def groups(self, configuration: Configuration) -> Groups:
        if not configuration.excludes or self.always_excludes:
            return [{"params": self.tensors}]
        vectors = [tensor for tensor in self.tensors if tensor.ndim == 1]
        others = [tensor for tensor in self.tensors if tensor.ndim != 1]
        return [{"params": others}, {"params": vectors, **self.excluded_group}]

    def make(self, groups: Groups, c: Configuration) -> Any:
        raise NotImplementedError

    def step(self, gradients: Arrays, learning_rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        for tensor, gradient in zip(self.tensors, gradients, strict=True):
            tensor.grad = torch.from_numpy(gradient.copy())
        self.optimizer.step()

    def values(self) -> Arrays:
        return [tensor.detach().numpy() for tensor in self.tensors]


# ---- timm -----------------------------------------------------------------------------------------------


class TimmLars(OnTorch):
    title = "timm `lars`"
    package = "timm"
    theirs = "`always_adapt`"
    opt: ClassVar[str] = "lars"
    takes = frozenset({"eps", "dampening", "exclusion", "no decay", "batches"})
    excluded_group = {"weight_decay": 0.0, "always_adapt": False}

    def make(self, groups: Groups, c: Configuration) -> Any:
        from timm.optim import create_optimizer_v2

        return create_optimizer_v2(
            groups,
            opt=self.opt,
            lr=c.learning_rate,
            weight_decay=c.weight_decay,
            momentum=c.momentum,
            foreach=c.batched,
            trust_coeff=c.trust_coefficient,
            eps=c.eps,
            dampening=c.dampening,
            always_adapt=True,
        )


class TimmLarc(TimmLars):
    title = "timm `larc`"
    opt = "larc"
    variant = "larc"
    without = "norms of 0"  # it clips their 1, too
    agrees_at_zero_gradient = False
    agrees_at_zero_weight = False


class TimmNlars(TimmLars):
    title = "timm `nlars`"
    opt = "nlars"
    settings = {"nesterov": 1.0}
    takes = TimmLars.takes - {"dampening"}
    always_nesterov = True


class TimmNlarc(TimmLarc):
    title = "timm `nlarc`"
    opt = "nlarc"
    settings = {"nesterov": 1.0}
    takes = TimmLars.takes - {"dampening"}
    always_nesterov = True


# ---- pytorch_optimizer ----------------------------------------------------------------------------------


def pytorch_optimizer_lars(module: ModuleType, groups: Groups, c: Configuration, **more: Any) -> Any:
    return module.LARS(
        groups,
        lr=c.learning_rate,
        weight_decay=c.weight_decay,
        momentum=c.momentum,
        dampening=c.dampening,
        trust_coefficient=c.trust_coefficient,
        nesterov=c.nesterov,
        **more,
    )


class PytorchOptimizer(OnTorch):
    title = "pytorch_optimizer `LARS`"
    package = "pytorch_optimizer"
    without = "dampening; gradients of 0"  # its ratio is 1 only where ‖g‖ + λ‖w‖ is 0
    takes = frozenset({"nesterov", "no decay", "batches"})
    always_excludes = True
    agrees_at_zero_gradient = False

    def make(self, groups: Groups, c: Configuration) -> Any:
        import pytorch_optimizer

        return pytorch_optimizer_lars(pytorch_optimizer, groups, c, foreach=c.batched)


class OldPytorchOptimizer(OnTorch):
    """As it was before weight decay came into its ratio."""

    title = "pytorch_optimizer `LARS`, old"
    package = "pytorch_optimizer"
    of_files = True
    settings = {"denominator": 2.0}
    without = "momentum"  # it counts the first gradient twice
    takes = frozenset({"no decay"})
    momenta = (0.0,)
    always_excludes = True

    def make(self, groups: Groups, c: Configuration) -> Any:
        return pytorch_optimizer_lars(load_package("pytorch_optimizer.optimizer.lars"), groups, c)


# ---- Files alone: their packages need an old Lightning, or much else --------------------------------------


class LightningBolts(OnTorch):
    title = "lightning-bolts `LARS`"
    package = "lightning-bolts"
    of_files = True
    settings = {"zero_norm_decay": 0.0}
    without = "λ = 0"
    takes = frozenset({"eps", "dampening", "nesterov", "exclusion"})

    def make(self, groups: Groups, c: Configuration) -> Any:
        stability = ModuleType("pl_bolts.utils.stability")
        stability.under_review = lambda: lambda optimizer: optimizer  # warns
        return load_file("pl_bolts/optimizers/lars.py", {stability.__name__: stability}).LARS(
            groups,
            lr=c.learning_rate,
            momentum=c.momentum,
            dampening=c.dampening,
            weight_decay=c.weight_decay,
            nesterov=c.nesterov,
            trust_coefficient=c.trust_coefficient,
            eps=c.eps,
        )


class SoloLearn(OnTorch):
    title = "solo-learn `LARSWrapper` of SGD"
    package = "solo-learn"
    of_files = True
    settings = {"zero_norm_decay": 0.0}
    clip: ClassVar[bool] = False
    takes = frozenset({"eps", "dampening", "nesterov", "exclusion", "no decay", "batches"})

    def make(self, groups: Groups, c: Configuration) -> Any:
        sgd = torch.optim.SGD(
            self.tensors,
            lr=c.learning_rate,
            momentum=c.momentum,
            dampening=c.dampening,
            weight_decay=c.weight_decay,
            nesterov=c.nesterov,
            foreach=c.batched,
        )
        return load_file("solo/utils/lars.py").LARSWrapper(
            sgd, eta=c.trust_coefficient, clip=self.clip, eps=c.eps, exclude_bias_n_norm=c.excludes
        )


class SoloLearnClipped(SoloLearn):
    title = "solo-learn `LARSWrapper(clip=True)` of SGD"
    variant = "larc"
    settings = {}
    clip = True


class Vissl(OnTorch):
    """Barlow Twins's class with a parent that only registers it by name."""

    title = "vissl `LARS`"
    package = "vissl"
    of_files = True
    variant = "barlow"
    takes = frozenset({"exclusion", "no decay"})
    excluded = {"trust_ratio_mask": 0.0}

    def make(self, groups: Groups, c: Configuration) -> Any:
        parent = ModuleType("classy_vision.optim")
        parent.ClassyOptimizer = object
        parent.register_optimizer = lambda name: lambda optimizer: optimizer
        return load_file("vissl/optimizers/lars.py", {parent.__name__: parent})._LARS(
            [{"params": self.tensors}],
            lr=c.learning_rate,
            momentum=c.momentum,
            weight_decay=c.weight_decay,
            eta=c.trust_coefficient,
            exclude_bias_and_norm=c.excludes,
        )


ORIGINALS = [
    TimmLars,
    TimmLarc,
    TimmNlars,
    TimmNlarc,
    PytorchOptimizer,
    OldPytorchOptimizer,
    LightningBolts,
    SoloLearn,
    SoloLearnClipped,
    Vissl,
]
