"""A case: tensors and a call of optax.lars, as data, with its liblars form and its JSON form."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import inputs
from schedules import Schedule

Value = float | bool | Schedule
Hyperparameters = dict[str, Value]

# optax.lars's arguments except the masks, and liblars's own key; None: no default.
NUMERIC_DEFAULTS: dict[str, float | None] = {
    "learning_rate": None,
    "weight_decay": 0.0,
    "trust_coefficient": 0.001,
    "eps": 0.0,
    "momentum": 0.9,
    "gradient_scale": 1.0,
}
MASKS = ("weight_decay_mask", "trust_ratio_mask")


@dataclass(frozen=True)
class Tensor:
    """One parameter; dots in the name are levels of optax's tree. inputs.py explains patterns and exponents."""

    name: str
    shape: tuple[int, ...]
    parameter: str = "random"
    gradient: str = "random"
    parameter_exponent: int = 0
    gradient_exponent: int = -3

    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def values(self, case: str, role: str, step: int) -> np.ndarray:
        """Parameter or gradient at a step, as float64, in the tensor's shape."""
        pattern, exponent = {
            inputs.PARAMETER: (self.parameter, self.parameter_exponent),
            inputs.GRADIENT: (self.gradient, self.gradient_exponent),
        }[role]
        return inputs.values(case, self.name, role, pattern, exponent, step, self.size()).reshape(self.shape)


@dataclass(frozen=True)
class Mask:
    """A mask in one of optax's forms. liblars expresses each through a selector.

    all, none    one bool                          lars_set with selector NULL
    tree         a bool for each tensor            lars_set for each name in `off`
    prefix       a bool for each top-level subtree lars_set with the glob "subtree.*" for each in `off`
    callable     off for tensors with ndim <= 1    lars_set_if
    """

    form: str = "all"
    off: tuple[str, ...] = ()

    def selects(self, tensor: Tensor) -> bool:
        """Whether the mask is True at this tensor."""
        if self.form == "callable":
            return len(tensor.shape) > 1
        if self.form == "tree":
            return tensor.name not in self.off
        if self.form == "prefix":
            return tensor.name.split(".")[0] not in self.off
        return self.form == "all"

    def settings(self, key: str) -> list[dict[str, Any]]:
        if self.form == "all":
            return []
        if self.form == "none":
            return [{"key": key, "value": 0.0}]
        if self.form == "callable":
            return [{"key": key, "value": 0.0, "max_ndim": 1}]
        ending = ".*" if self.form == "prefix" else ""
        return [{"key": key, "value": 0.0, "selector": name + ending} for name in self.off]


ALL = Mask("all")
NONE = Mask("none")

# Small, of ranks 1 to 3, in two subtrees.
MODEL = (
    Tensor("encoder.weight", (4, 3)),
    Tensor("encoder.bias", (3,)),
    Tensor("head.weight", (2, 3, 2)),
    Tensor("head.bias", (2,)),
)


def setting(key: str, value: Value, selector: str | None = None) -> dict[str, Any]:
    """One lars_set or lars_set_schedule."""
    content: dict[str, Any] = {"key": key}
    if selector is not None:
        content["selector"] = selector
    return content | (value.to_json() if isinstance(value, Schedule) else {"value": float(value)})


@dataclass(frozen=True)
class Case:
    """optax.lars(**hyperparameters, masks) on tensors; groups override hyper-parameters for top-level subtrees."""

    name: str
    hyperparameters: Hyperparameters
    weight_decay_mask: Mask = ALL
    trust_ratio_mask: Mask = ALL
    groups: dict[str, Hyperparameters] = field(default_factory=dict)
    tensors: tuple[Tensor, ...] = MODEL
    steps: int = 2

    def of_tensor(self, tensor: Tensor) -> Hyperparameters:
        """The hyper-parameters in force for one tensor, groups applied."""
        return self.hyperparameters | self.groups.get(tensor.name.split(".")[0], {})

    def number(self, tensor: Tensor, key: str, step: int) -> float:
        """A numeric hyper-parameter's value for a tensor at a step."""
        value = self.of_tensor(tensor).get(key, NUMERIC_DEFAULTS[key])
        if value is None:
            raise ValueError(f"case {self.name}: {key} has no default")
        return value.value(step) if isinstance(value, Schedule) else float(value)

    def settings(self) -> list[dict[str, Any]]:
        """The case as calls of lars_set and its relatives, in order."""
        calls = [setting(key, value) for key, value in self.hyperparameters.items()]
        for group, hyperparameters in self.groups.items():
            calls += [setting(key, value, group + ".*") for key, value in hyperparameters.items()]
        calls += self.weight_decay_mask.settings("weight_decay_mask")
        calls += self.trust_ratio_mask.settings("trust_ratio_mask")
        return calls

    def to_json(self) -> dict[str, Any]:
        """For the golden files: all that the C++ tests need to replay the case."""
        return {
            "name": self.name,
            "steps": self.steps,
            "tensors": [vars(tensor) for tensor in self.tensors],
            "settings": self.settings(),
        }


def hyperparameters_to_json(hyperparameters: Hyperparameters) -> dict[str, Any]:
    return {k: v.to_json() if isinstance(v, Schedule) else v for k, v in hyperparameters.items()}


def hyperparameters_from_json(content: dict[str, Any]) -> Hyperparameters:
    return {k: Schedule.from_json(v) if isinstance(v, dict) else v for k, v in content.items()}


def to_replay(case: Case) -> dict[str, Any]:
    """A case as JSON from which from_replay makes it again."""
    return {
        "name": case.name,
        "hyperparameters": hyperparameters_to_json(case.hyperparameters),
        "weight_decay_mask": vars(case.weight_decay_mask),
        "trust_ratio_mask": vars(case.trust_ratio_mask),
        "groups": {name: hyperparameters_to_json(group) for name, group in case.groups.items()},
        "tensors": [vars(tensor) for tensor in case.tensors],
        "steps": case.steps,
    }


def from_replay(content: dict[str, Any]) -> Case:
    masks = {key: Mask(content[key]["form"], tuple(content[key]["off"])) for key in MASKS}
    tensors = [Tensor(**(tensor | {"shape": tuple(tensor["shape"])})) for tensor in content["tensors"]]
    return Case(
        name=content["name"],
        hyperparameters=hyperparameters_from_json(content["hyperparameters"]),
        groups={name: hyperparameters_from_json(group) for name, group in content["groups"].items()},
        tensors=tuple(tensors),
        steps=content["steps"],
        **masks,
    )
