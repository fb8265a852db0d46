"""Trains over a grid of batch sizes, optimizers, learning rates and seeds; keeps every finished run.

    sweep.py --trainer build/train/lars-train --folder build/sweep

A run whose folder holds a run.json with the same settings is not repeated, so that a sweep that was stopped goes on
where it was; delete the folder to begin afresh. large_batch_page.py makes docs/large-batch.md of the results.
"""

import argparse
import concurrent.futures
import csv
import dataclasses
import datetime
import json
import pathlib
import platform
import subprocess
import sys
import time

MODEL = "mlp"
BATCHES = [256, 1024, 4096, 16384]
SEEDS = [1, 2, 3]
EPOCHS = 20
SCHEDULE = "polynomial"
# Each twice the one before, as many for each optimizer, and so wide that no optimum lies at an edge.
LEARNING_RATES = {
    batch: {"sgd": [0.2, 0.4, 0.8, 1.6, 3.2] + sgd_more, "lars": [4, 8, 16, 32, 64] + lars_more}
    for batch, sgd_more, lars_more in [(256, [], []), (1024, [], []), (4096, [6.4], [128]), (16384, [], [])]
}
OPTIMIZERS = ["sgd", "lars"]
# (warm-up epochs, weight decay) that each learning rate is tried with: more of them where the batch is so large that
# they matter.
VARIANTS = {
    256: [(2, 0.0005)],
    1024: [(2, 0.0005)],
    4096: [(2, 0.0005), (5, 0.0005)],
    16384: [(2, 0.0005), (5, 0.0005), (2, 0.005), (5, 0.005), (2, 0.0), (5, 0.0)],
}
# Exit status of lars-train for a run that met NaN or Inf: a result, not a failure.
DIVERGED = 3


@dataclasses.dataclass(frozen=True)
class Run:
    seed: int
    batch: int
    optimizer: str
    warmup_epochs: int
    weight_decay: float
    learning_rate: float

    def variant(self):
        return self.warmup_epochs, self.weight_decay

    def folder(self):
        return (f"{MODEL}-{self.optimizer}-batch{self.batch}-lr{self.learning_rate:g}-warmup{self.warmup_epochs}"
                f"-wd{self.weight_decay:g}-seed{self.seed}")

    def options(self):
        return ["--model", MODEL, "--optimizer", self.optimizer, "--batch", str(self.batch),
                "--learning-rate", f"{self.learning_rate:g}", "--weight-decay", f"{self.weight_decay:g}",
                "--warmup-epochs", str(self.warmup_epochs), "--schedule", SCHEDULE, "--epochs", str(EPOCHS),
                "--seed", str(self.seed), "--threads", "1"]

    def settings(self):
        """What run.json must say for the run to count as this one."""
        return {"model": MODEL, "epochs": EPOCHS, "schedule": SCHEDULE, "threads": 1, **dataclasses.asdict(self)}


def all_runs():
    """Variant by variant and seed by seed, so that a sweep that was stopped holds whole grids."""
    most_variants = max(map(len, VARIANTS.values()))
    return [Run(seed, batch, optimizer, *VARIANTS[batch][variant], learning_rate)
            for variant in range(most_variants) for seed in SEEDS for batch in BATCHES
            if variant < len(VARIANTS[batch])
            for optimizer in OPTIMIZERS for learning_rate in LEARNING_RATES[batch][optimizer]]


def load(run, folder):
    """The run's run.json with the final test accuracy in percent, None if it diverged; or None if it is not there."""
    try:
        record = json.loads((folder / run.folder() / "run.json").read_text())
        if any(record[key] != value for key, value in run.settings().items()) or not record.get("ended", True):
            return None
        with open(folder / run.folder() / "history.csv", newline="") as file:
            epochs = list(csv.DictReader(file))
    except (OSError, ValueError, KeyError):
        return None
    record["accuracy"] = None if record["diverged"] else 100 * float(epochs[-1]["test_accuracy"])
    return record


def train(run, trainer, folder):
    out = folder / run.folder()
    command = [str(trainer), *run.options(), "--out", str(out), "--pictures", "none"]
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode not in (0, DIVERGED):
        raise RuntimeError(f"{' '.join(command)}\n{result.stderr.strip()}")
    return load(run, folder)


def cpu_name():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def git_revision():
    describe = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True,
                              check=False, cwd=pathlib.Path(__file__).parent)
    return describe.stdout.strip() or "unknown"


def write_environment(folder, jobs):
    """Of the sweep's first run; kept when it is resumed."""
    file = folder / "environment.json"
    if not file.exists():
        file.write_text(json.dumps({
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "cpu": cpu_name(), "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
            "jobs": jobs}, indent=2) + "\n")


def show(done, total, run, record, start, trained):
    left = (time.monotonic() - start) / max(trained, 1) * (total - done)
    accuracy = "diverged" if record["accuracy"] is None else f"{record['accuracy']:.2f} %"
    print(f"sweep {done:>3}/{total}  {run.folder():<58} {accuracy:>8}  {record['seconds']:5.1f} s  "
          f"{int(left // 60)}:{int(left % 60):02} left", flush=True)


def sweep(trainer, folder, jobs):
    folder.mkdir(parents=True, exist_ok=True)
    write_environment(folder, jobs)
    runs = all_runs()
    waiting = [run for run in runs if load(run, folder) is None]
    if len(waiting) < len(runs):
        print(f"sweep: {len(runs) - len(waiting)} of {len(runs)} runs are there already in {folder}")
    done = len(runs) - len(waiting)
    start = time.monotonic()

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        pending = {pool.submit(train, run, trainer, folder): run for run in waiting}
        try:
            for trained, future in enumerate(concurrent.futures.as_completed(pending), 1):
                show(done + trained, len(runs), pending[future], future.result(), start, trained)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainer", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2, help="single-threaded runs at a time")
    arguments = parser.parse_args()
    try:
        sweep(arguments.trainer, arguments.folder, arguments.jobs)
    except (RuntimeError, OSError) as error:
        sys.exit(f"sweep: {error}")
    except KeyboardInterrupt:
        sys.exit("sweep: stopped; the same command goes on from here")


if __name__ == "__main__":
    main()
