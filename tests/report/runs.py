"""Runs for the report page, written as lars-train writes them: the shapes that no quick training has."""

import csv
import json
import math
import pathlib

QUANTITIES = ["weight_norm", "gradient_norm", "update_norm", "trust_ratio", "effective_rate", "limited_share",
              "skipped_share"]


def write_csv(file: pathlib.Path, head: list[str], rows: list[list]) -> None:
    with open(file, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head, *rows])


def course(layer: int, step: int) -> dict[str, float]:
    """Telemetry of a layer at a step: smooth, different for every layer, over three decades."""
    weight, gradient = 3.0 + 0.1 * layer + 0.01 * step, 0.2 / (1 + 0.02 * step) * (1 + layer % 7)
    ratio = 0.001 * weight / gradient * (1 + 0.5 * math.sin(0.05 * step + layer))
    return {"weight_norm": weight, "gradient_norm": gradient, "update_norm": gradient, "trust_ratio": ratio,
            "effective_rate": 8.0 * ratio, "limited_share": 0.0, "skipped_share": 0.0}


def write_run(folder: pathlib.Path, layers: list[str], steps: int, steps_per_epoch: int, change=None) -> pathlib.Path:
    """change(layer, step, values) may alter a layer's telemetry at a step, both counted from 0."""
    folder.mkdir(parents=True)
    telemetry, by_step = [], []
    for step in range(steps):
        ratios = []
        for layer, name in enumerate(layers):
            values = course(layer, step)
            if change:
                change(layer, step, values)
            telemetry.append([step + 1, name, *(values[quantity] for quantity in QUANTITIES)])
            ratios.append(values["trust_ratio"])
        by_step.append([step + 1, 2.3 / (1 + 0.05 * step), 8.0, *ratios])
    write_csv(folder / "telemetry.csv", ["step", "parameter", *QUANTITIES], telemetry)
    ratio_columns = [f"trust_ratio:{name}" for name in layers]
    write_csv(folder / "steps.csv", ["step", "loss", "learning_rate", *ratio_columns], by_step)
    write_csv(folder / "timings.csv", ["step", "forward_seconds", "backward_seconds", "optimizer_seconds"],
              [[step + 1, 0.02, 0.04, 0.0005] for step in range(steps)])
    epochs = [[epoch + 1, 2.3 / (1 + epoch), 1 - 0.9 / (1 + epoch), 2.4 / (1 + epoch), 1 - 0.95 / (1 + epoch), 8.0]
              for epoch in range(steps // steps_per_epoch)]
    write_csv(folder / "history.csv",
              ["epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "learning_rate"], epochs)
    in_force = {"learning_rate": 8.0, "weight_decay": 0.0005, "weight_decay_mask": 1.0, "trust_coefficient": 0.001,
                "eps": 0.0, "trust_ratio_mask": 1.0, "momentum": 0.9, "nesterov": 0.0}
    run = {"model": "resnet", "optimizer": "lars", "batch": 1024, "epochs": len(epochs), "seed": 1,
           "steps_per_epoch": steps_per_epoch, "steps": steps, "diverged": False, "seconds": 0.07 * steps,
           "parameters": [{"name": name, "shape": [64, 64], "in_force": in_force} for name in layers]}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def deep_names(count: int) -> list[str]:
    """Long names as frameworks give them, one of them with what HTML must not take for its own."""
    names = [f"backbone.encoder.stage{i // 40}.block{i // 4 % 10}.branch{i % 4}.convolution.weight"
             for i in range(count - 1)]
    return [*names, "head</script><b>&amp;\".weight"]
