"""Writes the parameter tensors of well-known models, as their real definitions declare them, to <model>.json.

    python3 bench/models/generate.py [MODEL...]      default: all

Makes its own virtual environment first. The models are built on PyTorch's meta device: no memory, no downloads.
Tensors that an optimizer as a rule neither decays nor adapts (biases, normalization) are those with at most one
dimension.
"""

import json
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent.parent / "scripts"))

import environments  # noqa: E402  it is in that folder

Shapes = list[tuple[str, list[int]]]

# Sizes around those of vectors, cache lines and blocks, for checks; the largest is worth a second thread.
TINY: Shapes = [
    ("convolution.weight", [64, 3, 7, 7]),
    ("convolution.bias", [64]),
    ("dense.weight", [301, 1001]),
    ("dense.bias", [301]),
    ("odd.weight", [5, 7]),
    ("odd.bias", [33]),
    ("one.weight", [1, 1]),
]


def torchvision_model(name: str) -> tuple[str, Any]:
    import torchvision

    source = f"torchvision.models.{name}() of torchvision {torchvision.__version__.split('+')[0]}"
    return source, torchvision.models.get_model(name)


def bert_large() -> tuple[str, Any]:
    import transformers

    config = transformers.BertConfig(
        vocab_size=30522, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096
    )
    source = f"BertModel (with pooler) of transformers {transformers.__version__}, sizes of bert-large-uncased"
    return source, transformers.BertModel(config, add_pooling_layer=True)


def gpt2() -> tuple[str, Any]:
    import transformers

    source = (
        f"GPT2Model of transformers {transformers.__version__}, default configuration (124 M); the language-model"
        " head shares wte.weight"
    )
    return source, transformers.GPT2Model(transformers.GPT2Config())


BUILDERS: dict[str, Callable[[], tuple[str, Any]]] = {
    "resnet50": lambda: torchvision_model("resnet50"),
    "alexnet": lambda: torchvision_model("alexnet"),
    "vgg16": lambda: torchvision_model("vgg16"),
    "vit_b_16": lambda: torchvision_model("vit_b_16"),
    "bert_large": bert_large,
    "gpt2": gpt2,
}
MODELS = ["tiny", *BUILDERS]


def definition(model: str) -> tuple[str, Shapes]:
    """Where a model's tensors come from, and the tensors."""
    if model == "tiny":
        return "chosen by hand for checks", TINY
    import torch

    with torch.device("meta"):
        source, module = BUILDERS[model]()
    return source, [(name, list(tensor.shape)) for name, tensor in module.named_parameters()]


def to_json(model: str, source: str, shapes: Shapes) -> str:
    """JSON with one parameter a line."""
    lines = [json.dumps({"name": name, "shape": shape}) for name, shape in shapes]
    count = sum(math.prod(shape) for _, shape in shapes)
    head = f'{{\n  "model": {json.dumps(model)},\n  "source": {json.dumps(source)},\n  "parameters": [\n    '
    return head + ",\n    ".join(lines) + f'\n  ],\n  "count": {count}\n}}\n'


def write(model: str) -> None:
    source, shapes = definition(model)
    (HERE / f"{model}.json").write_text(to_json(model, source, shapes))
    print(f"{model}: {len(shapes)} tensors, {sum(math.prod(shape) for _, shape in shapes)} elements; {source}")


def main() -> None:
    wanted = sys.argv[1:] or MODELS
    unknown = [model for model in wanted if model not in MODELS]
    if unknown:
        sys.exit(f"generate.py: unknown model {unknown[0]}; the models are {', '.join(MODELS)}")
    python = environments.python_of("peers/models", HERE / "requirements.txt")
    if Path(sys.executable) != python:  # not resolved: an environment's Python is a link to the one it was made by
        os.execv(python, [str(python), __file__, *wanted])
    for model in wanted:
        write(model)


if __name__ == "__main__":
    try:
        main()
    except environments.EnvironmentFailure as error:
        sys.exit(f"generate.py: {error}")
