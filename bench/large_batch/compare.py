"""Prints the runs in the given folders, as lars-train --out left them, side by side."""

import csv
import json
import pathlib
import sys


def load(folder):
    record = json.loads((folder / "run.json").read_text())
    with open(folder / "history.csv", newline="") as file:
        record["history"] = list(csv.DictReader(file))
    return record


def print_epochs(runs):
    print("test accuracy, %")
    print("epoch" + "".join(f"{run['optimizer']:>10}" for run in runs))
    for epoch in range(max(len(run["history"]) for run in runs)):
        cells = [f"{100 * float(run['history'][epoch]['test_accuracy']):10.2f}" if epoch < len(run["history"])
                 else f"{'-':>10}" for run in runs]
        print(f"{epoch + 1:>5}" + "".join(cells))


def print_summary(runs):
    print(f"\n{'':<24}" + "".join(f"{run['optimizer']:>10}" for run in runs))
    rows = [("batch", lambda run: run["batch"]), ("steps", lambda run: run["steps"]),
            ("learning rate", lambda run: f"{run['learning_rate']:.4g}"),
            ("of excluded parameters", lambda run: f"{run['excluded_learning_rate']:.4g}"),
            ("final training loss", lambda run: f"{float(run['history'][-1]['train_loss']):.4f}"),
            ("final test accuracy, %", lambda run: "diverged" if run["diverged"]
             else f"{100 * float(run['history'][-1]['test_accuracy']):.2f}"),
            ("seconds", lambda run: f"{run['seconds']:.1f}")]
    for title, value in rows:
        print(f"{title:<24}" + "".join(f"{value(run):>10}" for run in runs))


def main():
    folders = [pathlib.Path(name) for name in sys.argv[1:]]
    if not folders:
        sys.exit("compare.py: give the folders of the runs to compare")
    try:
        runs = [load(folder) for folder in folders]
    except (OSError, ValueError) as error:
        sys.exit(f"compare.py: {error}; a run's folder is what lars-train --out wrote")
    if not all(run["history"] for run in runs):
        sys.exit("compare.py: a run diverged in its first epoch; nothing to compare")
    print_epochs(runs)
    print_summary(runs)


if __name__ == "__main__":
    main()
