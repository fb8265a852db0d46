"""What liblars.torch.LARS knows of the parameters that a step is of: liblars' optimizer for them, and where all tensors are."""

from __future__ import annotations

import array
import ctypes
import operator
from typing import Any

import torch

from . import _arguments
from ._errors import LarsRuntimeError, refused
from ._optimizer import Optimizer

# Entries of a parameter group, and the keys of lars.h that they set.
KEYS = {
    "lr": "learning_rate",
    "momentum": "momentum",
    "dampening": "dampening",
    "weight_decay": "weight_decay",
    "nesterov": "nesterov",
    "trust_coefficient": "trust_coefficient",
    "eps": "eps",
    "trust_ratio": "trust_ratio_mask",
}
# Complex parameters are steps of their real and imaginary parts: norms and linear combinations are the same.
_DTYPES = {
    torch.float32: "float32",
    torch.float64: "float64",
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.complex64: "float32",
    torch.complex128: "float64",
}
# Masters of 16-bit parameters: a whole binary32, or its lower half.
MASTERS = {torch.float16: torch.float32, torch.bfloat16: torch.int16}

_grad = operator.attrgetter("grad")
_dtype, _bytes = operator.attrgetter("dtype"), operator.attrgetter("nbytes")
_steps, _momentum = operator.itemgetter("step"), operator.itemgetter("momentum_buffer")


class Plan:
    """liblars' optimizer for a set of parameters that had gradients."""

    def __init__(
        self,
        parameters: list[torch.Tensor],
        gradients: list[torch.Tensor],
        names: list[str],
        groups: list[int],
        settings: dict[str, Any],
    ) -> None:
        self.optimizer = new_optimizer(**settings)
        self.parameters, self.names = parameters, names
        self.versioned = [one for one in parameters if not one.is_inference()]  # those autograd keeps versions of
        self._group_numbers = sorted(set(groups))
        self._values: dict[int, dict[str, float]] = {}
        self._counts = [0] * len(parameters)
        self._states: list[dict[str, Any]] = []  # whose tensors have been checked, and are at _state_places
        self._found: tuple[list[Any], list[Any], list[dict[str, Any]]] | None = None
        for parameter, gradient, name in zip(parameters, gradients, names, strict=True):
            check_parameter(parameter, name)
            shape = (*parameter.shape, 2) if parameter.is_complex() else parameter.shape
            self.optimizer.add_parameter(name, shape, _DTYPES[parameter.dtype])
            if _gradient_dtype(gradient, parameter) != parameter.dtype:
                self.optimizer.set_gradient_dtype(_DTYPES[gradient.dtype], _literal(name))
        self._kinds = _kinds_of(parameters)
        self._gradient_kinds = [*self._kinds[:2], list(map(_gradient_dtype, gradients, parameters)), self._kinds[3]]
        self._with_masters = [number for number, parameter in enumerate(parameters) if parameter.dtype in MASTERS]
        self._has_complex = any(map(torch.is_complex, parameters))
        self._places = _places_of(parameters)
        self._state_places: list[Any] = []

    def fits(self) -> bool:
        """Whether the parameters are as when the plan was made. What is where it was, and as long, is what it was: memory is
        not read beyond its end."""
        places = _places_of(self.parameters)
        if places != self._places:
            if _kinds_of(self.parameters) != self._kinds:
                return False
            self._places = places
        return True

    def usable(self, gradients: list[torch.Tensor], types: set[type]) -> list[torch.Tensor] | None:
        """The gradients as liblars can take them; None if the plan is for those of other element types. All are asked at once
        what they are."""
        if types == {torch.Tensor}:
            try:
                if (
                    _kinds_of(gradients) == self._gradient_kinds
                    and not any(map(torch.Tensor.is_neg, gradients))
                    and not (self._has_complex and any(map(torch.Tensor.is_conj, gradients)))
                ):
                    return gradients
            except RuntimeError:  # of stride, for what is not dense: said below with its name
                pass
        if list(map(_gradient_dtype, gradients, self.parameters)) != self._gradient_kinds[2]:
            return None
        return list(map(_usable_gradient, gradients, self.parameters, self.names))

    def set_values(self, param_groups: list[dict[str, Any]], scale: float) -> None:
        """Tells of what has changed in the groups since the last step."""
        for number in self._group_numbers:
            group = param_groups[number]
            values = {key: _arguments.real(group[name], name) for name, key in KEYS.items()}
            if -1e-6 < values["learning_rate"] < 0.0:  # where a scheduler's sums of binary64 end that should end at 0
                values["learning_rate"] = 0.0
            values["gradient_scale"] = -scale if group["maximize"] else scale
            known = self._values.setdefault(number, {})
            for key, value in values.items():
                if known.get(key) != value:
                    self.optimizer.set(key, value, f"group {number}, *")
                    known[key] = value

    def states_in(self, all_states: Any) -> list[dict[str, Any]]:
        """Those of the parameters, which are looked up again only if any state has been replaced: tensors are slow keys."""
        keys, values = list(all_states), list(all_states.values())
        found = self._found
        if found is None or not (_all_same(keys, found[0]) and _all_same(values, found[1])):
            states = [all_states[parameter] for parameter in self.parameters]
            found = self._found = list(all_states), list(all_states.values()), states
        return found[2]

    def step(self, gradients: list[torch.Tensor], states: list[dict[str, Any]]) -> bool:
        """Whether the step was taken, and not skipped."""
        counts, *pointers = self._looked_at(states)
        if counts != self._counts:  # also steps of other plans, with other parameters besides
            for number, (count, known) in enumerate(zip(counts, self._counts, strict=True)):
                if count != known:
                    self.optimizer.set_step_count(number, count)
        self._counts = counts
        taken = self.optimizer.step_external_pointers(
            _c_pointers(self._places[0]), _c_pointers(_pointers(gradients)), *pointers
        )
        if taken:
            self._counts = [count + 1 for count in counts]
            for state, count in zip(states, self._counts, strict=True):
                state["step"] = count
        return taken

    def _looked_at(self, states: list[dict[str, Any]]) -> tuple[list[int], Any, Any]:
        """Step counts, addresses of the momentum and of the masters; checked if the states are not those of the last step, or
        not where and what they were."""
        found = self._counts_and_places(states) if _all_same(states, self._states) else None
        if found is None or found[1] != self._state_places:
            for parameter, state, name in zip(self.parameters, states, self.names, strict=True):
                check_state(parameter, state, name)
            found = self._counts_and_places(states)
            assert found is not None  # as check_state leaves them
            self._states, self._state_places = list(states), found[1]
        counts, (pointers, *_) = found
        masters = None
        if self._with_masters:
            masters = (ctypes.c_void_p * len(states))()
            for number, pointer in zip(self._with_masters, pointers[len(states) :], strict=True):
                masters[number] = pointer
        return counts, _c_pointers(pointers[: len(states)]), masters

    def _counts_and_places(self, states: list[dict[str, Any]]) -> tuple[list[int], list[Any]] | None:
        try:
            tensors = list(map(_momentum, states)) + [states[number]["master"] for number in self._with_masters]
            return list(map(_steps, states)), _places_of(tensors)
        except (KeyError, TypeError, AttributeError):  # one is missing, or none
            return None


def _literal(name: str) -> str:
    """A glob that selects this name alone."""
    return "".join("\\" + one if one in "*?\\" else one for one in name)


def state_dtypes(parameter: torch.Tensor) -> dict[str, torch.dtype]:
    dtypes = {"momentum_buffer": torch.float32 if parameter.dtype in MASTERS else parameter.dtype}
    if parameter.dtype in MASTERS:
        dtypes["master"] = MASTERS[parameter.dtype]
    return dtypes


def new_state(parameter: torch.Tensor) -> dict[str, Any]:
    state = {name: torch.zeros_like(parameter, dtype=dtype) for name, dtype in state_dtypes(parameter).items()}
    return state | {"step": 0}


def check_state(parameter: torch.Tensor, state: dict[str, Any], name: str) -> None:
    """States are loaded from files, also those of torch.optim.SGD, which may be without momentum and count no steps: the
    first step is special (dampening), and such a state is of a later one."""
    steps = state.get("step", 1)
    if type(steps) is not int:
        steps = int(_arguments.real(steps, f"step of {name}"))
    state["step"] = _arguments.count(steps, f"step of {name}")
    for key, dtype in state_dtypes(parameter).items():
        tensor = state.get(key)
        if tensor is None:
            state[key] = torch.zeros_like(parameter, dtype=dtype)
            continue
        fits = torch.is_tensor(tensor) and tensor.dtype == dtype and tensor.shape == parameter.shape
        if not fits or tensor.device.type != "cpu":
            raise refused("SHAPE", f"{key} of {name} is no {dtype} tensor of shape {tuple(parameter.shape)} on the CPU")
        if tensor.layout is not torch.strided or tensor.stride() != parameter.stride():  # another memory format
            state[key] = torch.empty_like(parameter, dtype=dtype).copy_(tensor)


def _gradient_dtype(gradient: torch.Tensor, parameter: torch.Tensor) -> torch.dtype:
    """The type that liblars is to take the gradient in; of those that do not go together it is the parameter's."""
    wide = parameter.dtype in MASTERS and gradient.dtype == torch.float32
    narrow = gradient.dtype in MASTERS and parameter.dtype == torch.float32
    return gradient.dtype if wide or narrow else parameter.dtype


def _usable_gradient(gradient: torch.Tensor, parameter: torch.Tensor, name: str) -> torch.Tensor:
    """The gradient as liblars can take it: a copy if it lies otherwise in memory than the parameter."""
    if gradient.layout is not torch.strided:
        message = f"the gradient of {name} has the layout {gradient.layout}; LARS takes dense gradients (torch.strided)"
        raise LarsRuntimeError("LARS_ERR_TYPE", message)
    dtype = _gradient_dtype(gradient, parameter)
    if (gradient.dtype, gradient.device, gradient.shape) != (dtype, parameter.device, parameter.shape):
        raise refused(
            "SHAPE",
            f"the gradient of {name} is a {gradient.dtype} tensor of shape {tuple(gradient.shape)} on {gradient.device}, its "
            f"parameter a {parameter.dtype} tensor of shape {tuple(parameter.shape)} on {parameter.device}",
        )
    if gradient.stride() == parameter.stride():
        return gradient.resolve_conj().resolve_neg()
    return torch.empty_like(parameter, dtype=dtype).copy_(gradient)


def _kinds_of(tensors: list[Any]) -> list[list[Any]]:
    """What the tensors are, asked of all at once: a step of small tensors is mostly such calls. Length and strides together
    are the shape of a dense tensor, and where each element lies."""
    return [
        list(map(torch.Tensor.stride, tensors)),
        list(map(torch.Tensor.numel, tensors)),
        list(map(_dtype, tensors)),
        list(map(torch.Tensor.get_device, tensors)),
    ]


def _pointers(tensors: list[Any]) -> array.array[int]:
    return array.array("Q", list(map(torch.Tensor.data_ptr, tensors)))


def _places_of(tensors: list[Any]) -> list[Any]:
    """Where they are, how long, and of which type."""
    return [_pointers(tensors), list(map(_bytes, tensors)), list(map(_dtype, tensors))]


def _c_pointers(pointers: array.array[int]) -> Any:
    return (ctypes.c_void_p * len(pointers)).from_buffer(pointers)


def _all_same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(map(operator.is_, some, others))


def new_optimizer(variant: str, nonfinite: str, threads: int | None, gradient_clip: float | None) -> Optimizer:
    optimizer = Optimizer()
    optimizer.set_variant(variant)
    optimizer.set_nonfinite_policy(nonfinite)
    if threads is not None:
        optimizer.set_threads(threads)
    if gradient_clip is not None:
        optimizer.set_gradient_clip(gradient_clip)
    return optimizer


def check_values(group: dict[str, Any]) -> None:
    """Refuses now what the step would."""
    if group["differentiable"]:
        raise refused("ARGUMENT", "differentiable: True is not allowed; liblars' steps are not recorded by autograd")
    optimizer = Optimizer()
    optimizer.add_parameter("a", ())
    for name, key in KEYS.items():
        optimizer.set(key, _arguments.real(group[name], name))


def check_parameter(parameter: torch.Tensor, name: str) -> None:
    if parameter.device.type != "cpu":
        raise refused("ARGUMENT", f"{name} is on the device {parameter.device}; liblars steps parameters on the CPU")
    if parameter.dtype not in _DTYPES:
        names = ", ".join(map(str, _DTYPES))
        raise refused("TYPE", f"{name} is of dtype {parameter.dtype}; the element types are {names}")
    if parameter.layout is not torch.strided or not _is_dense(parameter):
        raise refused("ARGUMENT", f"{name} is not dense: its elements do not lie side by side in memory")
    if parameter.is_neg() or parameter.is_conj():  # its memory holds other values
        advice = "pass what resolve_neg() or resolve_conj() gives"
        raise refused("ARGUMENT", f"{name} is a view marked as negated or conjugated; {advice}")


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

