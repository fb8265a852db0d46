"""Trains a small model with PyTorch and liblars.torch.LARS; examples/README.md has the task."""

import data
import torch

from liblars.torch import LARS


def make_model() -> torch.nn.Sequential:
    model = torch.nn.Sequential(torch.nn.Linear(784, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
    with torch.no_grad():
        for layer, weight in zip((model[0], model[2]), data.initial_weights(), strict=True):
            layer.weight.copy_(torch.from_numpy(weight.T.copy()))  # PyTorch's weights are outputs x inputs
            layer.bias.zero_()
    return model


def main() -> None:
    images, labels = map(torch.from_numpy, data.read(*data.arguments()))
    model = make_model()
    weights = [parameter for name, parameter in model.named_parameters() if name.endswith("weight")]
    biases = [parameter for name, parameter in model.named_parameters() if name.endswith("bias")]
    optimizer = LARS(
        [{"params": weights}, {"params": biases, "lr": 0.2, "weight_decay": 0, "trust_ratio": False}],
        lr=2.0, momentum=0.9, weight_decay=1e-4, trust_coefficient=0.01,
    )  # fmt: skip
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, data.STEPS)
    for _ in range(data.EPOCHS):
        for first in range(0, data.IMAGES, data.BATCH):
            batch = slice(first, first + data.BATCH)
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
            scheduler.step()
    with torch.no_grad():
        outputs = model(images)
        losses = torch.nn.functional.cross_entropy(outputs, labels, reduction="none")
    data.report(losses.numpy(), (outputs.argmax(1) == labels).numpy())


if __name__ == "__main__":
    main()
