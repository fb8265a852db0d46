"""Writes docs/large-batch.md and its pictures from the results of sweep.py; every number in it comes from there.

    large_batch_page.py --trainer build/train/lars-train --folder build/sweep --page docs/large-batch.md \\
        --images docs/images

The trainer repeats the best runs at the largest batch first, and what it gives must be what the sweep gave, to the last
digit: so the page can name the revision that it holds for, also if the sweep itself is older.
"""

import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import textwrap

import large_batch_pictures
import sweep

WIDTH = 110
NAMES = {"sgd": "momentum SGD", "lars": "LARS"}


class Cell:
    """What the seeds gave for one batch, optimizer, variant and learning rate."""

    def __init__(self, runs, records):
        self.run = runs[0]
        self.records = records
        self.accuracies = [record["accuracy"] for record in records if record["accuracy"] is not None]
        self.complete = len(self.accuracies) == len(records)
        self.mean = statistics.mean(self.accuracies) if self.accuracies else math.nan
        self.deviation = statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0

    def text(self):
        if not self.complete:
            return f"diverged {len(self.records) - len(self.accuracies)}/{len(self.records)}"
        return f"{self.mean:.2f} ± {self.deviation:.2f}"


def collect(folder):
    """All cells by (batch, optimizer, variant, learning rate); exits if a run is missing."""
    grouped = {}
    for run in sweep.all_runs():
        record = sweep.load(run, folder)
        if record is None:
            sys.exit(f"large_batch_page: {folder / run.folder()} is not finished; run `scripts/train --sweep` first")
        key = (run.batch, run.optimizer, run.variant(), run.learning_rate)
        grouped.setdefault(key, []).append((run, record))
    return {key: Cell([run for run, _ in pairs], [record for _, record in pairs]) for key, pairs in grouped.items()}


def best_cells(cells):
    """The cell of the highest mean for each (batch, optimizer)."""
    best = {}
    for (batch, optimizer, _, _), cell in cells.items():
        if cell.complete and (((batch, optimizer) not in best) or cell.mean > best[batch, optimizer].mean):
            best[batch, optimizer] = cell
    return best


def at_edge(cell):
    grid = sweep.LEARNING_RATES[cell.run.batch][cell.run.optimizer]
    return cell.run.learning_rate in (grid[0], grid[-1])


def standard_error(first, second):
    """Of the difference of two means."""
    return math.hypot(first.deviation / math.sqrt(len(first.accuracies)),
                      second.deviation / math.sqrt(len(second.accuracies)))


def best_table(best):
    lines = ["| batch | steps | SGD, best setting | SGD, test accuracy | LARS, best setting | LARS, test accuracy "
             "| LARS − SGD, points |", "|---:|---:|---:|---:|---:|---:|---:|"]
    for batch in sweep.BATCHES:
        sgd, lars = best[batch, "sgd"], best[batch, "lars"]
        lines.append(f"| {batch} | {sgd.records[0]['steps']} | {setting(sgd)} | {sgd.text()} | {setting(lars)} "
                     f"| {lars.text()} | {lars.mean - sgd.mean:+.2f} ± {standard_error(lars, sgd):.2f} |".replace("| -", "| −"))
    return lines


def setting(cell):
    return f"{cell.run.learning_rate:g} / {cell.run.warmup_epochs} / {cell.run.weight_decay:g}"


def holds(best, batch, optimizer):
    """Whether the accuracy is no lower than at the smallest batch by more than twice the standard error."""
    reference, cell = best[sweep.BATCHES[0], optimizer], best[batch, optimizer]
    return reference.mean - cell.mean <= 2 * standard_error(reference, cell)


def outcome(best):
    first, last = sweep.BATCHES[0], sweep.BATCHES[-1]
    lines = []
    for optimizer in ("sgd", "lars"):
        loss = best[first, optimizer].mean - best[last, optimizer].mean
        lines.append(f"- From batch {first} to {last}, {NAMES[optimizer]} goes from {best[first, optimizer].mean:.2f} % to "
                     f"{best[last, optimizer].mean:.2f} %: {'a loss' if loss > 0 else 'a gain'} of {abs(loss):.2f} "
                     "points.")
    for batch in sweep.BATCHES:
        sgd, lars = best[batch, "sgd"], best[batch, "lars"]
        difference, error = lars.mean - sgd.mean, standard_error(lars, sgd)
        if abs(difference) <= 2 * error:
            verdict = "no difference beyond twice the standard error"
        else:
            verdict = f"{NAMES['lars' if difference > 0 else 'sgd']} is ahead by {abs(difference):.2f} points"
        lines.append(f"- Batch {batch}: {verdict}.")
    return lines + claim(best)


def claim(best):
    """The claim under test, judged by holds()."""
    larger = sweep.BATCHES[1:]
    borne_out = [batch for batch in larger if holds(best, batch, "lars") and not holds(best, batch, "sgd")]
    held = {optimizer: [str(batch) for batch in larger if holds(best, batch, optimizer)] for optimizer in NAMES}
    phrases = [f"{NAMES[o]} holds it at {', '.join(held[o])}" if held[o] else f"{NAMES[o]} holds it at none of them"
               for o in ("sgd", "lars")]
    first = sweep.BATCHES[0]
    text = (f"To hold accuracy is to be no lower than with batch {first} by more than twice the standard error of the "
            f"difference. Of the larger batches {', '.join(map(str, larger))}, {phrases[0]}; {phrases[1]}. ")
    if borne_out:
        text += f"So the claim is borne out here at {', '.join(map(str, borne_out))}."
    else:
        text += "So in this strict sense the claim is not borne out here at any batch"
        last = sweep.BATCHES[-1]
        lost = {o: best[first, o].mean - best[last, o].mean for o in NAMES}
        gap = best[last, "lars"].mean - best[last, "sgd"].mean
        if gap > 2 * standard_error(best[last, "lars"], best[last, "sgd"]):
            text += (f"; but of both, which lose at {last}, LARS loses less, {lost['lars']:.2f} points against "
                     f"{lost['sgd']:.2f}")
        text += "."
    return ["", text]


def grid_table(cells, best, optimizer):
    rates = sorted({rate for batch in sweep.BATCHES for rate in sweep.LEARNING_RATES[batch][optimizer]})
    lines = ["| batch | warm-up | weight decay | " + " | ".join(f"{rate:g}" for rate in rates) + " |",
             "|---:|---:|---:|" + "---:|" * len(rates)]
    for batch in sweep.BATCHES:
        for variant in sweep.VARIANTS[batch]:
            row = [cells.get((batch, optimizer, variant, rate)) for rate in rates]
            texts = ["" if cell is None else f"**{cell.text()}**" if cell is best[batch, optimizer] else cell.text()
                     for cell in row]
            lines.append(f"| {batch} | {variant[0]} | {variant[1]:g} | " + " | ".join(texts) + " |")
    return lines


def edges(best):
    at = [f"{NAMES[cell.run.optimizer]} at batch {cell.run.batch}" for cell in best.values() if at_edge(cell)]
    if not at:
        return "Every optimum lies inside its grid of learning rates."
    return f"Optima at an edge of the grid, so that a better one may lie outside: {', '.join(sorted(at))}."


def excluded_rates(cells):
    """The learning rates of the excluded parameters under LARS, by batch."""
    rates = {batch: cell.records[0]["excluded_learning_rate"]
             for (batch, optimizer, _, _), cell in cells.items() if optimizer == "lars"}
    return ", ".join(f"{rate:g} at batch {batch}" for batch, rate in sorted(rates.items()))


def within_a_point(cells, best, batch, optimizer):
    """How many learning rates come within a point of the best at this batch, each with its best variant."""
    return sum(any(cell.complete and best[batch, optimizer].mean - cell.mean <= 1.0
                   for variant in sweep.VARIANTS[batch] if (cell := cells[batch, optimizer, variant, rate]))
               for rate in sweep.LEARNING_RATES[batch][optimizer])


def breadth(cells, best):
    """How much the choice of learning rate matters."""
    texts = []
    for batch in sweep.BATCHES:
        counts = " and ".join(f"{within_a_point(cells, best, batch, o)} of {len(sweep.LEARNING_RATES[batch][o])} for "
                              f"{NAMES[o]}" for o in NAMES)
        texts.append(f"at batch {batch}, {counts}")
    return f"Learning rates, each twice the one before, that come within one point of the best: {'; '.join(texts)}."


def verify(best, trainer, folder):
    """Exits unless the trainer as it is now gives the sweep's results."""
    for optimizer in NAMES:
        run = best[sweep.BATCHES[-1], optimizer].run
        with tempfile.TemporaryDirectory() as repeated:
            subprocess.run([str(trainer), *run.options(), "--out", repeated, "--pictures", "none"], check=True,
                           stdout=subprocess.DEVNULL)
            for name in ("history.csv", "steps.csv"):
                if (pathlib.Path(repeated) / name).read_text() != (folder / run.folder() / name).read_text():
                    sys.exit(f"large_batch_page: {trainer} no longer gives {folder / run.folder() / name}; delete "
                             f"{folder} and run `scripts/train --sweep` again")


def command(cell, folder):
    run = cell.run
    return f"build/train/lars-train {' '.join(run.options())} --out {folder}/{run.optimizer}"


def wrap(text):
    """Fills paragraphs and list items; leaves tables, code, headings and pictures alone."""
    lines, paragraph = [], []

    def fill():
        indent = "  " if paragraph and paragraph[0].startswith("- ") else ""
        lines.extend(textwrap.wrap(" ".join(paragraph), WIDTH, subsequent_indent=indent, break_long_words=False,
                                   break_on_hyphens=False))
        paragraph.clear()

    for line in text.split("\n"):
        if not line or line.startswith(("|", "    ", "!", "#", "<", "- ")):
            fill()
        if line.startswith("- ") or line and not line.startswith(("|", "    ", "!", "#", "<")):
            paragraph.append(line.strip())
        else:
            lines.append(line)
    fill()
    return "\n".join(lines).rstrip("\n") + "\n"


def page(cells, best, folder, images):
    environment = json.loads((folder / "environment.json").read_text())
    records = [record for cell in cells.values() for record in cell.records]
    seconds = [record["seconds"] for record in records]
    any_record, last = records[0], sweep.BATCHES[-1]
    values = {
        "best": "\n".join(best_table(best)), "outcome": "\n".join(outcome(best)), "images": images, "last": last,
        "sgd_grid": "\n".join(grid_table(cells, best, "sgd")), "lars_grid": "\n".join(grid_table(cells, best, "lars")),
        "edges": edges(best), "breadth": breadth(cells, best), "revision": sweep.git_revision(),
        "excluded": excluded_rates(cells), "epochs": sweep.EPOCHS, "seeds": len(sweep.SEEDS),
        "momentum": any_record["momentum"], "ghost": any_record["ghost_batch"],
        "trust_coefficient": any_record["trust_coefficient"], "batches": ", ".join(map(str, sweep.BATCHES)),
        "count": len(records), "minutes": sum(seconds) / 60,
        "quickest": min(seconds), "slowest": max(seconds),
        "sgd_command": command(best[last, "sgd"], "build"), "lars_command": command(best[last, "lars"], "build"),
        "liblars": any_record["liblars"], "openblas": any_record["openblas"], "compiler": any_record["compiler"],
        "date": environment["date"], "cpu": environment["cpu"], "system": environment["system"],
        "jobs": environment["jobs"]}
    template = pathlib.Path(__file__).with_name("large_batch_page.md").read_text()
    return wrap(template.format(**values))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainer", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--page", type=pathlib.Path, required=True)
    parser.add_argument("--images", type=pathlib.Path, required=True)
    parser.add_argument("--format", choices=["svg", "png"], default="svg")
    arguments = parser.parse_args()
    cells = collect(arguments.folder)
    relative = pathlib.Path(os.path.relpath(arguments.images, arguments.page.parent)).as_posix()
    best = best_cells(cells)
    verify(best, arguments.trainer, arguments.folder)
    text = page(cells, best, arguments.folder, relative)
    arguments.images.mkdir(parents=True, exist_ok=True)
    large_batch_pictures.draw(cells, best, arguments.folder, arguments.images, arguments.format)
    arguments.page.write_text(text)
    print(f"{arguments.page} and the pictures in {arguments.images} are written")


if __name__ == "__main__":
    main()
