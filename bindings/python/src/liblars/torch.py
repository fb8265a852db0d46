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

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        # PyTorch gives states their parameter's type, which would cut those of 16-bit parameters.
        saved = [number for group in state_dict["param_groups"] for number in group["params"]]
        parameters = [parameter for group in self.param_groups for parameter in group["params"]]
        for number, parameter in zip(saved, parameters, strict=True):
            for name, value in state_dict["state"].get(number, {}).items():
                if torch.is_tensor(value) and parameter.dtype in _MASTERS:
                    self.state[parameter][name] = value.clone()
        self._plan = None

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
        parameters, gradients, groups = self._with_gradients()
        if parameters:
            if self._plan is None or not self._plan.fits(parameters, groups):
                self._plan = _Plan(parameters, groups, self._variant, self._nonfinite)
            self._plan.set_values(self.param_groups, scale)
            self._plan.step(parameters, gradients, self._states_of(parameters))
        return loss

    def _loss_unscaling(self) -> float | None:
        """What gradients are multiplied by, as torch.amp.GradScaler left it here; None: not to be used at all."""
        found_inf, grad_scale = getattr(self, "found_inf", None), getattr(self, "grad_scale", None)
        if found_inf is not None and found_inf.item() != 0:
            return None
        return 1.0 if grad_scale is None else 1.0 / grad_scale.item()

    def _with_gradients(self) -> tuple[list[torch.Tensor], list[torch.Tensor], list[int]]:
        parameters: list[torch.Tensor] = []
        groups: list[int] = []
        for number, group in enumerate(self.param_groups):
            parameters += [parameter for parameter in group["params"] if parameter.grad is not None]
            groups += [number] * (len(parameters) - len(groups))
        gradients = [parameter.grad for parameter in parameters]
        try:
            strides = list(map(_strides, gradients))
        except RuntimeError:
            raise RuntimeError("LARS does not support sparse gradients") from None
        if strides != list(map(_strides, parameters)):
            gradients = [
                gradient if gradient.stride() == parameter.stride() else torch.empty_like(parameter).copy_(gradient)
                for parameter, gradient in zip(parameters, gradients, strict=True)
            ]
        return parameters, gradients, groups

    def _states_of(self, parameters: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        states = [self.state[parameter] for parameter in parameters]
        if not all(states):
            for parameter, state in zip(parameters, states, strict=True):
                if not state:
                    state.update(_new_state(parameter))
        return states


def _new_state(parameter: torch.Tensor) -> dict[str, torch.Tensor]:
    wide = torch.float64 if parameter.dtype == torch.float64 else torch.float32
    state = {"momentum_buffer": torch.zeros_like(parameter, dtype=wide)}
    if parameter.dtype in _MASTERS:
        state["master"] = torch.zeros_like(parameter, dtype=_MASTERS[parameter.dtype])
    return state


class _Plan:
    """liblars' optimizer for the parameters that had gradients, and room for the pointers to them."""

    def __init__(self, parameters: list[torch.Tensor], groups: list[int], variant: str, nonfinite: str) -> None:
        self._optimizer = _new_optimizer(variant, nonfinite)
        self._parameters, self._groups = list(parameters), list(groups)
        # Both together are the shape, and where each element of a dense tensor lies.
        self._lengths, self._strides = list(map(_lengths, parameters)), list(map(_strides, parameters))
        self._has_masters = any(parameter.dtype in _MASTERS for parameter in parameters)
        self._values: dict[int, dict[str, float]] = {}
        for number, (parameter, group) in enumerate(zip(parameters, groups, strict=True)):
            _check_parameter(parameter)
            self._optimizer.add_parameter(f"{group}.{number}", parameter.shape, _DTYPES[parameter.dtype])
        self._checked_states: list[Any] = []

    def fits(self, parameters: list[torch.Tensor], groups: list[int]) -> bool:
        return (
            _all_same(parameters, self._parameters)
            and groups == self._groups
            and list(map(_lengths, parameters)) == self._lengths
            and list(map(_strides, parameters)) == self._strides
        )

    def set_values(self, param_groups: list[dict[str, Any]], scale: float) -> None:
        """Tells of what has changed in the groups since the last step."""
        for number in set(self._groups):
            group = param_groups[number]
            values = {key: float(group[name]) for name, key in _KEYS.items()}
            values["gradient_scale"] = -scale if group["maximize"] else scale
            known = self._values.get(number, {})
            for key, value in values.items():
                if known.get(key) != value:
                    self._optimizer.set(key, value, f"{number}.*")
            self._values[number] = values

    def step(
        self, parameters: list[torch.Tensor], gradients: list[torch.Tensor], states: list[dict[str, torch.Tensor]]
    ) -> None:
        momentum = [state["momentum_buffer"] for state in states]
        masters = [state.get("master") for state in states] if self._has_masters else [None] * len(states)
        self._check_states(parameters, momentum, masters)
        self._optimizer.step_external_pointers(
            _pointers(parameters),
            _pointers(gradients),
            _pointers(momentum),
            _pointers_or_null(masters) if self._has_masters else None,
        )

    def _check_states(self, parameters: list[torch.Tensor], momentum: list[Any], masters: list[Any]) -> None:
        """Once for each set of tensors: states are loaded from files."""
        states = [*momentum, *masters]
        if _all_same(states, self._checked_states):
            return
        for number, (parameter, velocity, master) in enumerate(zip(parameters, momentum, masters, strict=True)):
            wide = torch.float64 if parameter.dtype == torch.float64 else torch.float32
            for name, tensor, dtype in (
                ("momentum_buffer", velocity, wide),
                ("master", master, _MASTERS.get(parameter.dtype)),
            ):
                if dtype is None:
                    continue
                if tensor is None or tensor.dtype != dtype or tensor.shape != parameter.shape or tensor.device.type != "cpu":
                    raise refused("SHAPE", f"{name} of parameter {number} is no {dtype} tensor of shape {tuple(parameter.shape)}")
                if tensor.stride() != parameter.stride():
                    raise refused("SHAPE", f"{name} of parameter {number} lies otherwise in memory than the parameter")
        self._checked_states = states


# Looked up once, and called by map: a step of small tensors is mostly such calls.
_addresses = torch.Tensor.data_ptr
_lengths = torch.Tensor.numel
_strides = torch.Tensor.stride


def _all_same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))


def _pointers(tensors: list[Any]) -> Any:
    return (ctypes.c_void_p * len(tensors)).from_buffer(array.array("Q", map(_addresses, tensors)))


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

