"""What is stepped: the shapes of bench/models, and the hyper-parameters."""

import json
import math

from process import environments

MODELS = environments.REPOSITORY / "bench" / "models"
ALL_MODELS = sorted(file.stem for file in MODELS.glob("*.json"))
# The learning rate and trust coefficient keep the parameters finite, and change no time.
HYPERPARAMETERS = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, "trust_coefficient": 0.001}
SEED = 20170813


def shapes_of(model: str) -> list[list[int]]:
    content = json.loads((MODELS / f"{model}.json").read_text())
    return [parameter["shape"] for parameter in content["parameters"]]


def parameter_count(model: str) -> int:
    return sum(math.prod(shape) for shape in shapes_of(model))
