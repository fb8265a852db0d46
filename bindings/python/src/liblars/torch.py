"""LARS as a torch.optim.Optimizer, for parameters in the memory of the CPU.

>>> import torch, liblars.torch
>>> model = torch.nn.Linear(4, 2)
>>> optimizer = liblars.torch.LARS(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
>>> model(torch.ones(3, 4)).sum().backward()
>>> optimizer.step()
"""

from __future__ import annotations

import array
import ctypes
import operator
from collections.abc import Callable
from typing import Any

import torch

from ._errors import refused
from ._optimizer import Optimizer

__all__ = ["LARS"]

# Entries of a parameter group, and the keys of lars.h that they set.
_KEYS = {
    "lr": "learning_rate",
    "momentum": "momentum",
    "dampening": "dampening",
    "weight_decay": "weight_decay",
    "nesterov": "nesterov",
    "trust_coefficient": "trust_coefficient",
    "eps": "eps",
    "trust_ratio": "trust_ratio_mask",
}
_DTYPES = {torch.float32: "float32", torch.float64: "float64", torch.float16: "float16", torch.bfloat16: "bfloat16"}
# Masters of 16-bit parameters: a whole binary32, or its lower half.
_MASTERS = {torch.float16: torch.float32, torch.bfloat16: torch.int16}


class LARS(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling; a parameter is a layer.

    Groups may have values of their own for `lr`, `momentum`, `dampening`, `weight_decay`, `nesterov`,
    `trust_coefficient`, `eps`, `maximize` and `trust_ratio`, which is False for parameters that are not to be scaled
    (biases, batch norm):

        LARS([{"params": weights}, {"params": biases, "weight_decay": 0, "trust_ratio": False}], lr=0.1)

    variant: "optax" (the default), "torch" (the learning rate multiplies what leaves the momentum, as in torch.optim.SGD
    and timm), "paper", "larc", "barlow" or "tf". nonfinite: "refuse" raises a LarsArithmeticError for NaN and Inf with
    nothing written, "skip" leaves such a step out, "propagate" lets them through, as torch.optim does.

    The state of a parameter is a `momentum_buffer`, binary32 for 16-bit parameters, which also have a `master`. State
    dicts are PyTorch's. Steps are taken in place by liblars, on threads of its own; parameters and gradients must be dense.
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
        variant: str = "optax",
        nonfinite: str = "refuse",
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
        }
        _check(defaults)
        self._variant, self._nonfinite = variant, nonfinite
        _new_optimizer(variant, nonfinite)  # refuses what is unknown
        self._plan: _Plan | None = None
        super().__init__(params, defaults)

    def __getstate__(self) -> dict[str, Any]:
        self._note_steps()
        state = super().__getstate__()  # type: ignore[misc]
        return state | {"_variant": self._variant, "_nonfinite": self._nonfinite}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._plan = None
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        added = self.param_groups[-1]
        try:
            _check(added)
            for parameter in added["params"]:
                _check_parameter(parameter)
        except Exception:
            self.param_groups.pop()
            raise

    def state_dict(self) -> dict[str, Any]:
        self._note_steps()
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        loaded = []
        last = self.register_load_state_dict_pre_hook(lambda _, hooked: loaded.append(hooked))  # what the others made of it
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
        # PyTorch gives states their parameter's type, which would cut those of 16-bit parameters.
        saved = [number for group in loaded[0]["param_groups"] for number in group["params"]]
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        for number, parameter in zip(saved, parameters, strict=True):
            for name, value in loaded[0]["state"].get(number, {}).items():
                if torch.is_tensor(value) and parameter.dtype in _MASTERS:
                    self.state[parameter][name] = value.clone()
        self._plan = None

    def _note_steps(self) -> None:
        """Writes how many steps each parameter has taken, which liblars counts, to the states."""
        if self._plan is not None:
            for number, parameter in enumerate(self._plan.parameters):
                if parameter in self.state:
                    self.state[parameter]["step"] = self._plan.optimizer.step_count(number)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of all parameters that have gradients. closure: computes the loss, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        scale = self._loss_unscaling()
        if scale is None:  # GradScaler found Inf
            return loss
        parameters, groups = self._with_gradients()
        if parameters:
            kinds = _kinds_of(parameters)
            gradients = _gradients_of(parameters, kinds)
            states = self._states_of(parameters)
            if self._plan is None or not self._plan.fits(parameters, groups, kinds):
                self._note_steps()
                self._plan = _Plan(parameters, groups, states, self._variant, self._nonfinite)
            self._plan.set_values(self.param_groups, scale)
            if self._plan.step(parameters, gradients, states):
                torch.autograd.graph.increment_version(parameters)  # so that autograd knows of the change
        return loss

    def _loss_unscaling(self) -> float | None:
        """What gradients are multiplied by, as torch.amp.GradScaler left it here; None: not to be used at all."""
        found_inf, grad_scale = getattr(self, "found_inf", None), getattr(self, "grad_scale", None)
        if found_inf is not None and found_inf.item() != 0:
            return None
        return 1.0 if grad_scale is None else 1.0 / grad_scale.item()

    def _with_gradients(self) -> tuple[list[torch.Tensor], list[int]]:
        parameters: list[torch.Tensor] = []
        groups: list[int] = []
        for number, group in enumerate(self.param_groups):
            parameters += [parameter for parameter in group["params"] if parameter.grad is not None]
            groups += [number] * (len(parameters) - len(groups))
        return parameters, groups

    def _states_of(self, parameters: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        states = [self.state[parameter] for parameter in parameters]
        if not all(states):
            for parameter, state in zip(parameters, states, strict=True):
                if not state:
                    state.update(_new_state(parameter))
        return states


def _state_dtypes(parameter: torch.Tensor) -> dict[str, torch.dtype]:
    dtypes = {"momentum_buffer": torch.float64 if parameter.dtype == torch.float64 else torch.float32}
    if parameter.dtype in _MASTERS:
        dtypes["master"] = _MASTERS[parameter.dtype]
    return dtypes


def _new_state(parameter: torch.Tensor) -> dict[str, Any]:
    state = {name: torch.zeros_like(parameter, dtype=dtype) for name, dtype in _state_dtypes(parameter).items()}
    return state | {"step": 0}


def _gradients_of(parameters: list[torch.Tensor], kinds: list[list[Any]]) -> list[torch.Tensor]:
    gradients = [parameter.grad for parameter in parameters]
    try:
        usable = _kinds_of(gradients) == kinds and not any(map(torch.Tensor.is_neg, gradients))
    except RuntimeError:  # of stride
        raise RuntimeError("LARS does not support sparse gradients") from None
    return gradients if usable else list(map(_usable_gradient, gradients, parameters))


def _usable_gradient(gradient: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """The gradient as liblars can take it: a copy if it lies otherwise in memory than the parameter."""
    if (gradient.dtype, gradient.device, gradient.shape) != (parameter.dtype, parameter.device, parameter.shape):
        raise refused(
            "SHAPE",
            f"a gradient is a {gradient.dtype} tensor of shape {tuple(gradient.shape)} on {gradient.device}, its parameter a "
            f"{parameter.dtype} tensor of shape {tuple(parameter.shape)} on {parameter.device}",
        )
    if gradient.stride() == parameter.stride():
        return gradient.resolve_neg()
    return torch.empty_like(parameter).copy_(gradient)


class _Plan:
    """liblars' optimizer for the parameters that had gradients."""

    def __init__(
        self, parameters: list[torch.Tensor], groups: list[int], states: list[dict[str, Any]], variant: str, nonfinite: str
    ) -> None:
        self.optimizer = _new_optimizer(variant, nonfinite)
        self.parameters, self._groups = list(parameters), list(groups)
        self._kinds = _kinds_of(parameters)
        self._has_masters = any(parameter.dtype in _MASTERS for parameter in parameters)
        self._values: dict[int, dict[str, float]] = {}
        for number, (parameter, group, state) in enumerate(zip(parameters, groups, states, strict=True)):
            _check_parameter(parameter)
            self.optimizer.add_parameter(f"{group}.{number}", parameter.shape, _DTYPES[parameter.dtype])
            # The first step is special (dampening). A state of torch.optim.SGD, which counts none, is of a later one.
            self.optimizer.set_step_count(number, int(state.get("step", 1)))
        self._checked_states: list[Any] = []

    def fits(self, parameters: list[torch.Tensor], groups: list[int], kinds: list[list[Any]]) -> bool:
        return _all_same(parameters, self.parameters) and groups == self._groups and kinds == self._kinds

    def set_values(self, param_groups: list[dict[str, Any]], scale: float) -> None:
        """Tells of what has changed in the groups since the last step."""
        for number in set(self._groups):
            group = param_groups[number]
            values = {key: float(group[name]) for name, key in _KEYS.items()}
            if -1e-6 < values["learning_rate"] < 0.0:  # where a scheduler's sums of binary64 end that should end at 0
                values["learning_rate"] = 0.0
            values["gradient_scale"] = -scale if group["maximize"] else scale
            known = self._values.setdefault(number, {})
            for key, value in values.items():
                if known.get(key) != value:
                    self.optimizer.set(key, value, f"{number}.*")
                    known[key] = value

    def step(
        self, parameters: list[torch.Tensor], gradients: list[torch.Tensor], states: list[dict[str, Any]]
    ) -> bool:
        """Whether the step was taken, and not skipped."""
        if not _all_same([state.get("momentum_buffer") for state in states], self._checked_states) or self._has_masters:
            self._check_states(parameters, states)
        return self.optimizer.step_external_pointers(
            _pointers(parameters),
            _pointers(gradients),
            _pointers(self._checked_states),
            _pointers_or_null([state.get("master") for state in states]) if self._has_masters else None,
        )

    def _check_states(self, parameters: list[torch.Tensor], states: list[dict[str, Any]]) -> None:
        """Once for each set of tensors: states are loaded from files."""
        for number, (parameter, state) in enumerate(zip(parameters, states, strict=True)):
            for name, dtype in _state_dtypes(parameter).items():
                tensor = state.get(name)
                if tensor is None or tensor.dtype != dtype or tensor.shape != parameter.shape or tensor.device.type != "cpu":
                    raise refused("SHAPE", f"{name} of parameter {number} is no {dtype} tensor of shape {tuple(parameter.shape)}")
                if tensor.stride() != parameter.stride():  # of a model in another memory format
                    state[name] = torch.empty_like(parameter, dtype=dtype).copy_(tensor)
        self._checked_states = [state["momentum_buffer"] for state in states]


def _kinds_of(tensors: list[Any]) -> list[list[Any]]:
    """What the tensors are, asked of all at once: a step of small tensors is mostly such calls. Length and strides together
    are the shape of a dense tensor, and where each element lies."""
    return [
        list(map(torch.Tensor.stride, tensors)),
        list(map(torch.Tensor.numel, tensors)),
        list(map(operator.attrgetter("dtype"), tensors)),
        list(map(torch.Tensor.get_device, tensors)),
    ]


def _all_same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _pointers(tensors: list[Any]) -> Any:
    return (ctypes.c_void_p * len(tensors)).from_buffer(array.array("Q", map(torch.Tensor.data_ptr, tensors)))


def _pointers_or_null(tensors: list[Any]) -> Any:
    return (ctypes.c_void_p * len(tensors))(*[None if tensor is None else tensor.data_ptr() for tensor in tensors])


def _new_optimizer(variant: str, nonfinite: str) -> Optimizer:
    optimizer = Optimizer()
    optimizer.set_variant(variant)
    optimizer.set_nonfinite_policy(nonfinite)
    return optimizer


def _check(group: dict[str, Any]) -> None:
    """Refuses now what the step would."""
    optimizer = Optimizer()
    optimizer.add_parameter("a", ())
    for name, key in _KEYS.items():
        optimizer.set(key, float(group[name]))


def _check_parameter(parameter: torch.Tensor) -> None:
    if parameter.device.type != "cpu":
        raise refused("ARGUMENT", f"a parameter is on the device {parameter.device}; liblars steps parameters on the CPU")
    if parameter.dtype not in _DTYPES:
        names = ", ".join(map(str, _DTYPES))
        raise refused("TYPE", f"a parameter is of dtype {parameter.dtype}; the element types are {names}")
    if not _is_dense(parameter):
        raise refused("ARGUMENT", "a parameter is not dense: its elements do not lie side by side in memory")


def _is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements fill their memory, in whatever order: contiguous, channels last, transposed."""
    expected = 1
    for stride, extent in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if extent == 1:
            continue
        if extent == 0:
            return True
        if stride != expected:
            return False
        expected *= extent
    return True

