"""The optimizers that run on PyTorch. Parameters and gradients are the worker's arrays, without a copy."""

import abc
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
import torch_profile
from contender import Contender, Hyperparameters, Operation, Profile, Task
from data import Arrays


class TorchContender(Contender):
    """A torch.optim.Optimizer over the arrays."""

    PACKAGES = ("torch",)

    def __init__(self, task: Task) -> None:
        torch.set_num_threads(task.threads)
        self.arrays = task.parameters
        self.values = [torch.nn.Parameter(torch.from_numpy(array)) for array in task.parameters]
        for value, gradient in zip(self.values, task.gradients, strict=True):
            value.grad = torch.from_numpy(gradient)
        self.run = self.build(task.hyperparameters, task.options)

    @abc.abstractmethod
    def build(self, hyperparameters: Hyperparameters, options: dict[str, Any]) -> Callable[[], Any]:
        """A function that makes one step."""

    def step(self) -> None:
        self.run()

    def set_gradients(self, gradients: Arrays) -> None:
        for value, new in zip(self.values, gradients, strict=True):
            value.grad.copy_(torch.from_numpy(new))

    def parameters(self) -> Arrays:
        return self.arrays

    def profile(self, steps: int) -> Profile:
        return torch_profile.of_operations(self, steps)

    def about(self) -> dict[str, str]:
        return {name: version(name) for name in self.PACKAGES}


class Timm(TorchContender):
    """timm's Lars. Options: "foreach" as it takes it; "compile", the step under torch.compile; "profile", so that what
    it compiles can be profiled."""

    PACKAGES = ("timm", "torch")

    def build(self, hyperparameters: Hyperparameters, options: dict[str, Any]) -> Callable[[], Any]:
        from timm.optim.lars import Lars

        optimizer = Lars(
            self.values,
            lr=hyperparameters.learning_rate,
            momentum=hyperparameters.momentum,
            weight_decay=hyperparameters.weight_decay,
            trust_coeff=hyperparameters.trust_coefficient,
            eps=0.0,
            foreach=options["foreach"],
        )
        self.compiled = options.get("compile", False)
        if not self.compiled:
            return optimizer.step
        if options.get("profile"):
            torch_profile.prepare_inductor()
        # Zero momentum is what the first step would make; given in advance, that step needs no compilation of its own,
        # which takes minutes for hundreds of tensors.
        for value in self.values:
            optimizer.state[value]["momentum_buffer"] = torch.zeros_like(value)
        return torch.compile(optimizer.step)

    def profile(self, steps: int) -> Profile:
        return torch_profile.of_fused_loops(self, steps) if self.compiled else super().profile(steps)


class PytorchOptimizer(TorchContender):
    """pytorch_optimizer's LARS. Options: "foreach" as it takes it."""

    PACKAGES = ("pytorch_optimizer", "torch")

    def build(self, hyperparameters: Hyperparameters, options: dict[str, Any]) -> Callable[[], Any]:
        from pytorch_optimizer import LARS

        self.keep_gradients()
        return LARS(
            self.values,
            lr=hyperparameters.learning_rate,
            momentum=hyperparameters.momentum,
            weight_decay=hyperparameters.weight_decay,
            trust_coefficient=hyperparameters.trust_coefficient,
            foreach=options["foreach"],
        ).step

    def keep_gradients(self) -> None:
        self.originals = [value.grad.clone() for value in self.values]

    def prepare(self) -> None:
        """This optimizer overwrites its gradients, which a training loop would make anew."""
        for value, original in zip(self.values, self.originals, strict=True):
            value.grad.copy_(original)

    def set_gradients(self, gradients: Arrays) -> None:
        super().set_gradients(gradients)
        self.keep_gradients()


class FusedSgd(TorchContender):
    """PyTorch's own fused SGD with momentum: no LARS, the price of any momentum step."""

    def build(self, hyperparameters: Hyperparameters, options: dict[str, Any]) -> Callable[[], Any]:
        return torch.optim.SGD(
            self.values,
            lr=hyperparameters.learning_rate,
            momentum=hyperparameters.momentum,
            weight_decay=hyperparameters.weight_decay,
            fused=True,
        ).step


class LiblarsTorch(TorchContender):
    """liblars's drop-in torch.optim.Optimizer: what raw liblars does, and what it costs to be asked by PyTorch."""

    def build(self, hyperparameters: Hyperparameters, options: dict[str, Any]) -> Callable[[], Any]:
        from liblars.torch import LARS

        self.optimizer = LARS(
            self.values,
            lr=hyperparameters.learning_rate,
            momentum=hyperparameters.momentum,
            weight_decay=hyperparameters.weight_decay,
            trust_coefficient=hyperparameters.trust_coefficient,
        )
        return self.optimizer.step

    def profile(self, steps: int) -> Profile:
        """The call of the library, and Python around it. It moves what liblars moves: see liblars_worker.py."""
        seconds, bound = self.median_seconds(steps), self.optimizer._last.optimizer
        call, times = bound.step_external_pointers, []

        def timed_call(*arguments: Any) -> bool:
            start = time.perf_counter()
            taken = call(*arguments)
            times.append(time.perf_counter() - start)
            return taken

        bound.step_external_pointers = timed_call
        around = self.median_seconds(steps)
        bound.step_external_pointers = call
        moved = 28 * sum(array.size for array in self.arrays)
        operation = Operation("lars_step_external", 1, statistics.median(times), moved)
        return Profile(seconds, around, [operation], moved, {})

    def about(self) -> dict[str, str]:
        import liblars

        return super().about() | {"liblars": liblars.__version__}


class Ipex(TorchContender):
    """Intel Extension for PyTorch: its Lars, fused by ipex.optimize, the only public way to the fused kernel."""

    PACKAGES = ("intel_extension_for_pytorch", "torch")

    def build(self, hyperparameters: Hyperparameters, options: dict[str, Any]) -> Callable[[], Any]:
        import intel_extension_for_pytorch as ipex
        from intel_extension_for_pytorch.optim._lars import Lars

        model = torch.nn.Module()
        model.values = torch.nn.ParameterList(self.values)
        optimizer = Lars(
            self.values,
            lr=hyperparameters.learning_rate,
            momentum=hyperparameters.momentum,
            weight_decay=hyperparameters.weight_decay,
            eeta=hyperparameters.trust_coefficient,
            epsilon=0.0,
        )
        model, optimizer = ipex.optimize(
            model.train(), dtype=torch.float32, optimizer=optimizer, inplace=True, fuse_update_step=True
        )
        if optimizer.step.__name__ != "lars_step":
            raise RuntimeError("ipex.optimize did not choose its fused LARS step")
        return optimizer.step
