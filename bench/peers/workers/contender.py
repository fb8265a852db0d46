"""What a worker asks of the optimizer that it runs."""

import abc
from dataclasses import dataclass
from typing import Any

from data import Arrays


@dataclass(frozen=True)
class Hyperparameters:
    """What all contenders have in common; the rest is off: no Nesterov, no dampening, no clipping, eps 0."""

    learning_rate: float
    momentum: float
    weight_decay: float
    trust_coefficient: float
    # What liblars adapts and decays: "all"; "matrices", leaving out tensors of at most one dimension; or "none", which
    # still decays. The others do what they always do.
    adapt: str = "all"


class Contender(abc.ABC):
    """One optimizer over one list of tensors."""

    @abc.abstractmethod
    def __init__(
        self,
        parameters: Arrays,
        gradients: Arrays,
        hyperparameters: Hyperparameters,
        threads: int,
        options: dict[str, Any],
    ) -> None:
        """May keep the arrays and work in them, or copy them."""

    def prepare(self) -> None:  # noqa: B027  (most have nothing to prepare)
        """Whatever must happen before a step but is not part of it. Not timed."""

    @abc.abstractmethod
    def step(self) -> None:
        """One step over all tensors; returns when it is done."""

    @abc.abstractmethod
    def set_gradients(self, gradients: Arrays) -> None:
        """Copies gradients for the next step in."""

    @abc.abstractmethod
    def parameters(self) -> Arrays:
        """The parameters as they are now; the caller changes nothing in them."""

    @abc.abstractmethod
    def about(self) -> dict[str, str]:
        """Versions, and whatever was chosen by the package itself."""
