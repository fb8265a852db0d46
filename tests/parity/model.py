"""liblars's arithmetic in NumPy, with errors that can be planted: shows that the cases would catch them."""

import numpy as np

import inputs
from case import Case, Tensor

# What an implementation may get wrong, and the statement of the definition that it breaks.
PLANTED_ERRORS = {
    "no decay": "u = g + lambda w",
    "decay outside its mask": "u = g under weight_decay_mask False",
    "norm before decay": "the update norm is taken after decay",
    "eps in zero test": "the zero tests are |w| == 0 and |u| == 0, eps not added",
    "eps dropped": "r = eta |w| / (|u| + eps)",
    "eps under the root": "eps is added to the norm, not to the sum of squares",
    "fallback is trust coefficient": "r = 1 if a norm is zero",
    "fallback is zero": "r = 1 if a norm is zero",
    "ratio outside its mask": "no ratio under trust_ratio_mask False",
    "trust coefficient outside mask": "no ratio, not eta, under trust_ratio_mask False",
    "trust ratio after momentum": "r scales s, not v",
    "learning rate after momentum": "s = -gamma r u, the rate inside the momentum",
    "torch nesterov": "nesterov adds s to mu v, both scaled",
    "nesterov ignored": "delta = s + mu v under nesterov",
    "dampening": "v = s + mu v, not (1 - mu) s + mu v",
    "schedule one late": "the schedule's first count is 0",
    "gradient scale on update": "gradient_scale multiplies g, not u",
    "ragged end dropped": "norms cover the whole tensor",
    "single precision norm": "norms are summed in float64",
    "one chunk only": "norms cover every chunk",
}

CHUNK, LANES = 4096, 16


class Model:
    """One tensor's optimizer."""

    def __init__(self, case: Case, tensor: Tensor, dtype: str, error: str | None = None) -> None:
        self.case, self.tensor, self.error = case, tensor, error
        self.type = np.dtype(dtype).type
        self.momentum = np.zeros(tensor.shape, dtype)

    def number(self, key: str, step: int) -> float:
        return self.case.number(self.tensor, key, step + (self.error == "schedule one late"))

    def norm(self, values: np.ndarray) -> float:
        flat = values.reshape(-1).astype(np.float64)
        if self.error == "ragged end dropped" and flat.size > CHUNK:
            flat = flat[: flat.size // 16 * 16]
        if self.error == "one chunk only":
            flat = flat[:CHUNK]
        if self.error == "single precision norm":
            flat = flat.astype(np.float32)
        return float(np.sqrt(np.sum(flat * flat)))

    def decayed(self, w: np.ndarray, g: np.ndarray, step: int) -> np.ndarray:
        """u = gs g + lambda w."""
        decay, scale = self.number("weight_decay", step), self.number("gradient_scale", step)
        masked = (
            not self.case.weight_decay_mask.selects(self.tensor) and self.error != "decay outside its mask"
        )
        if decay == 0 or masked or self.error == "no decay":
            return self.type(scale) * g
        if self.error == "gradient scale on update":
            return self.type(scale) * (g + self.type(decay) * w)
        return self.type(scale) * g + self.type(decay) * w

    def ratio(self, w: np.ndarray, u: np.ndarray, g: np.ndarray, step: int) -> float:
        coefficient, eps = self.number("trust_coefficient", step), self.number("eps", step)
        if not self.case.trust_ratio_mask.selects(self.tensor) and self.error != "ratio outside its mask":
            return coefficient if self.error == "trust coefficient outside mask" else 1.0
        weight_norm, update_norm = self.norm(w), self.norm(g if self.error == "norm before decay" else u)
        added = eps if self.error == "eps in zero test" else 0.0
        if weight_norm + added == 0 or update_norm + added == 0:
            return {"fallback is trust coefficient": coefficient, "fallback is zero": 0.0}.get(
                self.error or "", 1.0
            )
        if self.error == "eps under the root":
            return coefficient * weight_norm / float(np.sqrt(update_norm**2 + eps))
        return coefficient * weight_norm / (update_norm + (0.0 if self.error == "eps dropped" else eps))

    def update(self, w: np.ndarray, g: np.ndarray, step: int) -> np.ndarray:
        """The increment of w at a step; advances the momentum."""
        u = self.decayed(w, g, step)
        rate, ratio, mu = (
            self.number("learning_rate", step),
            self.ratio(w, u, g, step),
            self.number("momentum", step),
        )
        later = 1.0
        if self.error == "learning rate after momentum":
            rate, later = 1.0, rate
        if self.error == "trust ratio after momentum":
            ratio, later = 1.0, ratio
        if self.error == "dampening":
            rate = rate * (1 - mu)
        s = self.type(-rate * ratio) * u
        self.momentum = s + self.type(mu) * self.momentum
        if not self.case.of_tensor(self.tensor).get("nesterov", False) or self.error == "nesterov ignored":
            return self.type(later) * self.momentum
        if self.error == "torch nesterov":
            return u * self.type(-rate) + self.type(mu) * self.momentum
        return self.type(later) * (s + self.type(mu) * self.momentum)


class ExactNorms(Model):
    """With norms whose sums are not rounded."""

    def norm(self, values: np.ndarray) -> float:
        return float(np.sqrt(np.sum(np.square(values.astype(np.longdouble)))))


class DefinedNorms(Model):
    """With sums in the order of docs/semantics.md, which decides their last bits."""

    def norm(self, values: np.ndarray) -> float:
        squares = np.square(values.reshape(-1).astype(np.float64))
        squares = np.pad(squares, (0, -squares.size % CHUNK)).reshape(-1, CHUNK // LANES, LANES)
        sums = np.add.accumulate(squares, axis=1)[:, -1, :]  # one row of lanes after the other
        while sums.shape[1] > 1:
            sums = sums[:, : sums.shape[1] // 2] + sums[:, sums.shape[1] // 2 :]
        chunks = sums[:, 0]
        while chunks.size > 1:
            chunks = np.pad(chunks, (0, chunks.size % 2))
            chunks = chunks[0::2] + chunks[1::2]
        return float(np.sqrt(chunks.sum()))


def fresh_updates(
    case: Case, tensor: Tensor, dtype: str, error: str | None = None, kind: type[Model] = Model
) -> list[np.ndarray]:
    """oracle.fresh_updates by the model, for one tensor."""
    model = kind(case, tensor, dtype, error)
    w, g = (
        [tensor.values(case.name, role, step).astype(dtype) for step in range(case.steps)]
        for role in (inputs.PARAMETER, inputs.GRADIENT)
    )
    return [model.update(w[step], g[step], step) for step in range(case.steps)]


def free_steps(
    case: Case, tensor: Tensor, dtype: str, error: str | None = None, kind: type[Model] = Model
) -> list[np.ndarray]:
    """oracle.free_steps by the model, for one tensor: the parameters after each step."""
    model = kind(case, tensor, dtype, error)
    w, trajectory = tensor.values(case.name, inputs.PARAMETER, 0).astype(dtype), []
    for step in range(case.steps):
        g = tensor.values(case.name, inputs.GRADIENT, step).astype(dtype)
        w = w + model.update(w, g, step)
        trajectory.append(w)
    return trajectory
