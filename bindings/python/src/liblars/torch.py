"""LARS as a torch.optim.Optimizer, for parameters in the memory of the CPU.

>>> import torch, liblars.torch
>>> model = torch.nn.Linear(4, 2)
>>> optimizer = liblars.torch.LARS(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
>>> model(torch.ones(3, 4)).sum().backward()
>>> optimizer.step()
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch

from ._errors import refused
from ._records import Norms
from ._torch_plan import MASTERS, Plan, check_parameter, check_values, new_optimizer, new_state, state_dtypes

__all__ = ["LARS"]

_PLANS = 8  # kept of an optimizer
_grad = operator.attrgetter("grad")
# As torch.optim does: torch.compiler.disable imports the compiler, which takes as long as the rest of PyTorch.
_not_compiled: Any = getattr(torch, "_disable_dynamo", torch.compiler.disable)


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling; a parameter is a layer.

    Groups may have values of their own for `lr`, `momentum`, `dampening`, `weight_decay`, `nesterov`,
    `trust_coefficient`, `eps`, `maximize` and `trust_ratio`, which is False for parameters that are not to be scaled
    (biases, batch norm):

        LARS([{"params": weights}, {"params": biases, "weight_decay": 0, "trust_ratio": False}], lr=0.1)

    variant: "optax" (the default), "torch" (the learning rate multiplies what leaves the momentum, as in torch.optim.SGD
    and timm), "paper", "larc", "barlow" or "tf". nonfinite: "refuse" raises a LarsArithmeticError for NaN and Inf with
    nothing written, "skip" leaves such a step out, "propagate" lets them through, as torch.optim does.

    threads: how many liblars steps with; as lars_set_threads, and its default if None. gradient_clip: the norm to which the
    gradients of all parameters together are clipped. foreach and fused are accepted, as of PyTorch's optimizers, and mean
    nothing here; a differentiable step is refused.

    The state of a parameter is a `momentum_buffer`, binary32 for 16-bit parameters, which also have a `master`, and `step`,
    the number of steps taken. State dicts are PyTorch's. Steps are taken in place by liblars, on threads of its own;
    parameters and gradients must be dense. `norms()` tells the trust ratios of the last step.
    """

    _step_supports_amp_scaling = True  # GradScaler leaves unscaling, and what to do about Inf, to step

    def __init__(
        self,
        params: Any,
        lr: float | torch.Tensor = 1e-1,
        momentum: float = 0.9,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        trust_coefficient: float = 0.001,
        eps: float = 0.0,
        *,
        trust_ratio: bool = True,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
        variant: str = "optax",
        nonfinite: str = "refuse",
        threads: int | None = None,
        gradient_clip: float | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "trust_coefficient": trust_coefficient,
            "eps": eps,
            "trust_ratio": trust_ratio,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        check_values(defaults)
        self._settings = {"variant": variant, "nonfinite": nonfinite, "threads": threads, "gradient_clip": gradient_clip}
        new_optimizer(**self._settings)  # refuses what is unknown
        self._forget()
        super().__init__(params, defaults)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_settings": self._settings}  # type: ignore[misc]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._forget()
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def _forget(self) -> None:
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._last: Plan | None = None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        added = self.param_groups[-1]
        try:
            check_values(added)
            for parameter, name in zip(added["params"], self._names(len(self.param_groups) - 1), strict=True):
                check_parameter(parameter, name)
            _refuse_twice(added["params"], len(self.param_groups) - 1)
        except Exception:
            self.param_groups.pop()
            raise

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        loaded = []

        def widen(_optimizer: Any) -> None:
            """PyTorch gives states their parameter's type, which would cut those of 16-bit parameters."""
            saved = [number for group in loaded[0]["param_groups"] for number in group["params"]]
            parameters = [parameter for group in self.param_groups for parameter in group["params"]]
            for number, parameter in zip(saved, parameters, strict=True):
                for name, value in loaded[0]["state"].get(number, {}).items():
                    dtype = state_dtypes(parameter).get(name)
                    if dtype is not None and torch.is_tensor(value) and parameter.dtype in MASTERS:
                        wide = name == "momentum_buffer" and value.is_floating_point()
                        self.state[parameter][name] = value.detach().to(dtype if wide else value.dtype, copy=True)

        hooks = [
            self.register_load_state_dict_pre_hook(lambda _, hooked: loaded.append(hooked)),  # what the others made of it
            self.register_load_state_dict_post_hook(widen, prepend=True),  # the others see, and may change, what it made
        ]
        try:
            super().load_state_dict(state_dict)
        finally:
            for hook in hooks:
                hook.remove()
        self._forget()

    @_not_compiled
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of all parameters that have gradients. closure: computes the loss, which is returned."""
        try:
            loss = None
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            scale = self._loss_unscaling()
            if scale is not None:  # GradScaler found no Inf
                self._step(scale)
            return loss
        except BaseException:
            # GradScaler takes back what it left here after a step that returns, and not after others: the next step,
            # which may be without it, would be scaled by it.
            self.__dict__.pop("grad_scale", None)
            self.__dict__.pop("found_inf", None)
            raise

    def norms(self) -> dict[torch.Tensor, Norms]:
        """|w|, |update| and the trust ratio of every parameter that the last step was of."""
        if self._last is None:
            return {}
        return {one: self._last.optimizer.norms(number) for number, one in enumerate(self._last.parameters)}

    def _step(self, scale: float) -> None:
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        gradients = list(map(_grad, parameters))
        key = (*map(id, parameters), *(len(group["params"]) for group in self.param_groups))
        missing: tuple[int, ...] = ()
        types = set(map(type, gradients))
        if type(None) in types:
            missing = tuple(number for number, gradient in enumerate(gradients) if gradient is None)
            parameters = [one for one, gradient in zip(parameters, gradients, strict=True) if gradient is not None]
            gradients = [gradient for gradient in gradients if gradient is not None]
            types.discard(type(None))
        if not parameters:
            return
        plan = self._plans.get((key, missing))
        usable = plan.usable(gradients, types) if plan is not None and plan.fits() else None
        if plan is None or usable is None:
            plan = self._new_plan((key, missing), parameters, gradients)
            usable = plan.usable(gradients, types)
        states, made = self._states_of(plan)
        try:
            plan.set_values(self.param_groups, scale)
            if plan.step(usable, states):
                torch.autograd.graph.increment_version(plan.versioned)  # so that autograd knows of the change
        except BaseException:
            for parameter in made:  # as if the step had never been
                del self.state[parameter]
            raise
        self._last = plan

    def _loss_unscaling(self) -> float | None:
        """What gradients are multiplied by, as torch.amp.GradScaler left it here; None: not to be used at all."""
        found_inf, grad_scale = getattr(self, "found_inf", None), getattr(self, "grad_scale", None)
        if found_inf is not None and found_inf.item() != 0:
            return None
        return 1.0 if grad_scale is None else 1.0 / grad_scale.item()

    def _new_plan(
        self, key: tuple[tuple[int, ...], tuple[int, ...]], parameters: list[torch.Tensor], gradients: list[Any]
    ) -> Plan:
        """A plan for these parameters. Several are kept: of a model whose parts take turns, some parameters have no gradients
        at some steps."""
        all_parameters, missing = key
        named = [(number, name) for number in range(len(self.param_groups)) for name in self._names(number)]
        without = set(missing)
        groups, names = zip(*(one for place, one in enumerate(named) if place not in without), strict=True)
        plan = Plan(parameters, gradients, list(names), list(groups), self._settings)
        kept = [(other, one) for other, one in self._plans.items() if other[0] == all_parameters and other != key]
        self._plans = dict([*kept[1 - _PLANS :], (key, plan)])
        return plan

    def _names(self, number: int) -> list[str]:
        """Of a group's parameters, for messages: those they were given, else their places."""
        group = self.param_groups[number]
        given = group.get("param_names") or []
        if len(set(given)) != len(group["params"]):
            given = [f"parameter {place}" for place in range(len(group["params"]))]
        return [f"group {number}, {name}" for name in given]

    def _states_of(self, plan: Plan) -> tuple[list[dict[str, Any]], list[torch.Tensor]]:
        """The states of its parameters, and those of them whose states were made for this."""
        states = plan.states_in(self.state)
        if all(states):
            return states, []
        made = [one for one, state in zip(plan.parameters, states, strict=True) if not state]
        for parameter in made:
            self.state[parameter].update(new_state(parameter))
        return states, made


def _refuse_twice(parameters: list[torch.Tensor], group: int) -> None:
    seen: dict[torch.Tensor, int] = {}
    for place, parameter in enumerate(parameters):
        if parameter in seen:
            places = f"its parameters {seen[parameter]} and {place}"
            raise refused("ARGUMENT", f"group {group} has the same parameter twice: {places}")
        seen[parameter] = place
