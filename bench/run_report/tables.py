"""The words and tables of the page: what can be read without a chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numbers_as_text as text
from recorded_run import PARTS, Run

MOST_ROWS = 25  # of a table that does not scroll by itself
MOST_LIMITED = 20  # parameters that the table of limits shows at once
OPTIMIZERS = {"lars": "LARS", "sgd": "momentum SGD"}
RUN_SETTINGS = (
    ("started", "Started"), ("processor", "Processor"), ("processors", "Processors seen"), ("threads", "Threads"),
    ("model", "Model"), ("optimizer", "Optimizer"), ("variant", "Variant"),
    ("nonfinite_policy", "NaN and Inf"), ("batch", "Batch"), ("epochs", "Epochs"),
    ("schedule", "Schedule after warm-up"), ("warmup_epochs", "Warm-up, epochs"),
    ("gradient_clip", "Gradients clipped to global norm"), ("ghost_batch", "Ghost batch of batch norm"),
    ("seed", "Seed"), ("train_images", "Training images"), ("test_images", "Test images"),
    ("liblars", "liblars"), ("openblas", "OpenBLAS"), ("compiler", "Compiler"),
)
POLICIES = {"refuse": "refused: an error, and nothing is written", "skip": "skipped", "propagate": "propagated"}
# Keys that are shown only where they are not what they are by default: title, key, default. None is infinity.
OTHER_KEYS = (
    ("Gradient scale", "gradient_scale", 1.0), ("Denominator of r", "denominator", 0.0),
    ("Outside the momentum", "outside_momentum", 0.0), ("Trust ratio clipped", "trust_clip", 0.0),
    ("Dampening", "dampening", 0.0), ("Decay in the update", "decay_in_update", 1.0),
    ("Decay where a norm is 0", "zero_norm_decay", 1.0), ("Gradients clipped to", "clip_value", None),
)
MEANINGS = {
    "denominator": ("|g + λw|", "|g| + λ|w|", "|g|"),
    "outside_momentum": ("nothing", "learning rate", "learning rate and r"),
    "trust_clip": ("no", "min(r ∕ γ, 1)"),
    "decay_in_update": ("no", "yes"),
    "zero_norm_decay": ("no", "yes"),
}
# What is known of a run that does not record what was in force for each parameter.
RUN_HYPERPARAMETERS = (
    ("Learning rate, peak", "learning_rate"), ("Weight decay", "weight_decay"),
    ("Trust coefficient", "trust_coefficient"), ("Momentum", "momentum"),
)


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Cells are HTML; the first of a row is its heading."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>"
                   for row in rows)
    scroll = "scroll long" if len(rows) > MOST_ROWS else "scroll"
    return (f'<div class="{scroll}" tabindex="0" role="region" aria-label="{escape(caption)}"><table class="{kind}">'
            f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>")


def code(name: str) -> str:
    """A parameter's name, which may go on in the next line after a dot."""
    return f"<code>{escape(name).replace('.', '.<wbr>')}</code>"


def folded(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def optimizer_name(run: Run) -> str:
    return OPTIMIZERS.get(run.settings["optimizer"], str(run.settings["optimizer"]))


def capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def best_epoch(run: Run) -> int | None:
    """Index of the epoch with the highest test accuracy."""
    accuracies = run.epochs["test_accuracy"]
    known = [index for index, accuracy in enumerate(accuracies) if math.isfinite(accuracy)]
    return max(known, key=lambda index: accuracies[index]) if known else None


def optimizer_share(run: Run) -> float:
    """Of the time of forward pass, backward pass and optimizer; NaN where it was not measured."""
    totals = [sum(run.timings[part]) for part in PARTS] if run.timings else [0.0]
    return totals[-1] / sum(totals) if sum(totals) > 0 else math.nan


def summary(run: Run) -> str:
    """The run in one paragraph."""
    settings = run.settings
    tensors = run.parameters()
    elements = f"{text.count(run.elements())} weights and biases in {text.plural(len(tensors), 'tensor')}"
    epochs = len(run.epochs["epoch"])
    part = " and a part" if settings.get("diverged") else ""
    length = f"{text.plural(epochs, 'epoch')}{part}, " if epochs else ""
    sentences = [f"{capital(optimizer_name(run))} trained the network <b>{escape(str(settings['model']))}</b>"
                 f"{f' ({elements})' if tensors else ''} for {length}{text.plural(run.step_count, 'step')} of batch "
                 f"<b>{text.count(settings['batch'])}</b>."]
    best = best_epoch(run)
    if best is not None:
        accuracies = run.epochs["test_accuracy"]
        end = f"It {'ended' if run.ended else 'was last seen'} at a test accuracy of <b>{text.percent(accuracies[-1])}</b>"
        if best == len(accuracies) - 1:
            sentences.append(f"{end}, its best." if len(accuracies) > 1 else f"{end}.")
        else:
            sentences.append(f"{end}; its best was {text.percent(accuracies[best])} after epoch "
                             f"{run.epochs['epoch'][best]:.0f}.")
    elif not run.epochs["epoch"]:
        sentences.append("No epoch was finished, so there is no test accuracy.")
    if "seconds" in settings:
        sentences.append(f"Training and testing took {text.duration(settings['seconds'])}{_where(run)}.")
    if math.isfinite(optimizer_share(run)):
        sentences.append(f"Of the time of a training step, liblars’s part was {text.share(optimizer_share(run))}.")
    return " ".join(sentences)


def _where(run: Run) -> str:
    """On what the run was trained, and when."""
    settings = run.settings
    if "processor" not in settings:
        return ""
    day = str(settings.get("started", ""))[:10]
    return (f" on {text.plural(settings.get('threads', 1), 'thread')} of {escape(str(settings['processor']))}"
            + (f", on {escape(day)}" if day else ""))


def verdict(run: Run) -> str:
    """What must not be overlooked: a banner, or nothing."""
    if not run.ended:
        return (f'<p class="verdict" role="alert"><b>The run has not ended.</b> It goes on, or was stopped after step '
                f"{text.count(run.step_count)}: what follows is up to there.</p>")
    if not run.settings.get("diverged"):
        return ""
    reason = run.settings.get("divergence", "NaN or Inf appeared")
    return (f'<p class="verdict" role="alert"><b>The run diverged at step {text.count(run.step_count + 1)}.</b> '
            f"{escape(str(reason))}</p>")


def key_numbers(run: Run) -> str:
    """The cards at the top."""
    epochs = run.epochs
    cards = []
    best = best_epoch(run)
    if best is not None:
        when = "at the end" if run.ended else f"epoch {epochs['epoch'][-1]:.0f}"
        cards.append(("test accuracy", text.percent(epochs["test_accuracy"][-1]), when))
        cards.append(("best", text.percent(epochs["test_accuracy"][best]), f"epoch {epochs['epoch'][best]:.0f}"))
        cards.append(("test loss", text.number(epochs["test_loss"][-1]), when))
    elif run.step_count:
        cards.append(("training loss", text.number(run.steps["loss"][-1]), "last step"))
    cards.append(("steps", text.count(run.step_count), f"batch {text.count(run.settings['batch'])}"))
    if "seconds" in run.settings:
        cards.append(("time", text.duration(run.settings["seconds"]), "with testing"))
    if math.isfinite(optimizer_share(run)):
        cards.append(("liblars", text.share(optimizer_share(run)), "of a training step"))
    return "".join(f"<div><dt>{title}</dt><dd><b>{value}</b><span>{note}</span></dd></div>"
                   for title, value, note in cards)


def epochs_table(run: Run) -> str:
    epochs = run.epochs
    rows = [(f"{epoch:.0f}", text.number(epochs["train_loss"][i], 4), text.percent(epochs["train_accuracy"][i]),
             text.number(epochs["test_loss"][i], 4), text.percent(epochs["test_accuracy"][i]))
            for i, epoch in enumerate(epochs["epoch"])]
    head = ("Epoch", "Training loss", "Training accuracy", "Test loss", "Test accuracy")
    return table("Loss and accuracy by epoch", head, rows)


def ratios_table(run: Run) -> str:
    rows = []
    for name, ratios in run.trust_ratios().items():
        known = text.finite(ratios)
        least, most = (min(known), max(known)) if known else (math.nan, math.nan)
        rows.append((code(name), *(text.number(value) for value in
                                                       (ratios[0], least, text.median(ratios), most, ratios[-1]))))
    return table("Trust ratio by layer", ("Layer", "First", "Least", "Median", "Greatest", "Last"), rows)


def _limits(run: Run) -> list[tuple[str, float, float, int]]:
    """Parameter, limited and skipped share of the whole run, and the first step with either; the worst first."""
    found = []
    for name, columns in (run.telemetry or {}).items():
        limited, skipped = columns["limited_share"], columns["skipped_share"]
        first = next((step for step, both in enumerate(zip(limited, skipped), 1) if max(both) > 0), None)
        if first is not None:
            found.append((name, limited[-1], skipped[-1], first))
    return sorted(found, key=lambda row: -max(row[1], row[2]))


def _bar(value: float) -> str:
    width = 100 * min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0
    return f'<span class="bar"><i style="width:{width:.1f}%"></i></span><span class="value">{text.share(value)}</span>'


def limits(run: Run) -> str:
    if run.telemetry is None:
        return "<p>This run has no telemetry, so it is not known whether a limit took hold.</p>"
    found = _limits(run)
    if not found:
        refused = " The step at which the run diverged was refused." if run.settings.get("diverged") else ""
        return ('<p class="good">No limit took hold: in no step was a gradient or a trust ratio clipped, and none was '
                f"skipped.{refused}</p>")
    rows = [(code(name), _bar(limited), text.share(skipped), text.count(first))
            for name, limited, skipped, first in found]
    head = ("Parameter", "Limited", "Skipped", "First in step")
    clipped, skipped_rows = sum(row[1] > 0 for row in found), sum(row[2] > 0 for row in found)
    skipping = f"because of {text.plural(skipped_rows, 'parameter')} steps were" if skipped_rows else "no step was"
    words = (f"<p>A clip took hold of {text.count(clipped)} of {text.plural(len(run.telemetry), 'parameter')}; "
             f"{skipping} skipped. Shares are of all steps of the run.</p>")
    shown = table("Parameters that met limits, most often first", head, rows[:MOST_LIMITED], "limits")
    if len(rows) > MOST_LIMITED:
        rest = table("The other parameters that met limits", head, rows[MOST_LIMITED:], "limits")
        shown += folded(f"{text.plural(len(rows) - MOST_LIMITED, 'more parameter')}", rest)
    return words + shown


def _time_parts(run: Run) -> list[tuple[str, str, float, float]]:
    """Kind, name, seconds in all, and median of a step in seconds (NaN for what no step has)."""
    assert run.timings is not None
    names = (("forward", "Forward pass"), ("backward", "Backward pass"), ("liblars", "liblars’s step"))
    parts = [(kind, name, sum(run.timings[part]), text.median(run.timings[part]))
             for (kind, name), part in zip(names, PARTS)]
    rest = run.settings.get("seconds", 0.0) - sum(part[2] for part in parts)
    return [*parts, ("rest", "Everything else", rest, math.nan)] if rest > 0 else parts


def time_bar(run: Run) -> str:
    """The whole run's time by part; time_table has its numbers."""
    parts = _time_parts(run)
    whole = sum(seconds for _, _, seconds, _ in parts) or 1.0
    bar = "".join(f'<i class="{kind}" style="flex:{seconds / whole:.5f} 1 0"></i>' for kind, _, seconds, _ in parts)
    return f'<div class="stack" aria-hidden="true">{bar}</div>'


def time_table(run: Run) -> str:
    parts = _time_parts(run)
    whole = sum(seconds for _, _, seconds, _ in parts) or 1.0
    rows = [(f'<i class="key {kind}"></i>{name}', "–" if math.isnan(median) else text.duration(median),
             text.duration(seconds), text.share(seconds / whole)) for kind, name, seconds, median in parts]
    return table("Time by part", ("Part", "A step", "In all", "Share"), rows)


def time_words(run: Run) -> str:
    assert run.timings is not None
    forward, backward, step = (text.median(run.timings[part]) for part in PARTS)
    ratio = step / (forward + backward) if forward + backward > 0 else math.nan
    words = (f"A step of liblars takes {text.duration(step)} (median), the forward pass {text.duration(forward)}, the "
             f"backward pass {text.duration(backward)}")
    words += f": {text.share(ratio)} on top of them." if math.isfinite(ratio) else "."
    if run.settings.get("train_images", 0) % run.settings["batch"] and run.steps_per_epoch > 1:
        words += " The last batch of an epoch is smaller."
    if "seconds" in run.settings:
        words += " Everything else is loading, loss and testing."
    return words


def _in_force(run: Run) -> list[tuple[list[dict[str, Any]], dict[str, Any]]]:
    """The parameters grouped by the hyper-parameters in force, in the network's order."""
    groups: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {}
    for item in run.parameters():
        groups.setdefault(repr(sorted(item["in_force"].items())), ([], item["in_force"]))[0].append(item)
    return list(groups.values())


def _value(value: Any) -> str:
    return "∞" if value is None else text.plain(value)


def _meaning(key: str, value: Any) -> str:
    if key in MEANINGS and isinstance(value, (int, float)) and 0 <= value < len(MEANINGS[key]):
        return MEANINGS[key][int(value)]
    return "no" if key == "clip_value" and value is None else _value(value)


def _group_column(run: Run, items: list[dict[str, Any]], keys: dict[str, Any]) -> list[str]:
    peak = run.peak_learning_rate(items[0]["name"])
    decayed, adapted = keys.get("weight_decay_mask", 1) != 0, keys.get("trust_ratio_mask", 1) != 0
    return [
        text.count(len(items)),
        text.count(sum(math.prod(item["shape"]) for item in items)),
        text.plain(float(f"{peak:.4g}")) if peak is not None else "not recorded",
        _value(keys.get("weight_decay", 0)) if decayed else "none",
        f"{_value(keys.get('trust_coefficient', 0))} × |w| ∕ |u|" if adapted else "none (r = 1)",
        _value(keys.get("eps", 0)) if adapted else "–",
        _value(keys.get("momentum", 0)),
        "yes" if keys.get("nesterov") else "no",
    ]


def hyperparameters(run: Run) -> str:
    """A column for each group of parameters that are treated alike. Of the keys, the main ones and those that are not as
    they are by default."""
    groups = _in_force(run)
    if not groups:
        rows = [(title, _value(run.settings[key])) for title, key in RUN_HYPERPARAMETERS if key in run.settings]
        return table("Hyper-parameters", ("", "Value"), rows)
    titles = ("Tensors", "Elements", "Learning rate, peak", "Weight decay", "Trust ratio r", "eps", "Momentum",
              "Nesterov")
    columns = [_group_column(run, items, keys) for items, keys in groups]
    names = [_group_name(items, keys, index) for index, (items, keys) in enumerate(groups)]
    rows = [(title, *cells) for title, cells in zip(titles, zip(*columns))]
    for title, key, default in OTHER_KEYS:
        values = [keys.get(key, default) for _, keys in groups]
        if any(value != default for value in values):
            rows.append((title, *(_meaning(key, value) for value in values)))
    members = [", ".join(code(item['name']) for item in items) for items, _ in groups]
    lists = "".join(f"<dt>{escape(name)}</dt><dd>{listed}</dd>" for name, listed in zip(names, members))
    return (table("Hyper-parameters in force", ("", *names), rows)
            + folded("Which parameters are in which group", f'<dl class="groups">{lists}</dl>'))


def settings_words(run: Run) -> str:
    words = "What the library had in force for the parameters, by groups that are treated alike"
    if "variant" in run.settings:
        words += f", beneath the variant <b>{escape(str(run.settings['variant']).upper())}</b>"
    policy = run.settings.get("nonfinite_policy")
    return words + (f". NaN and Inf are {escape(POLICIES.get(policy, str(policy)))}." if policy else ".")


def _group_name(items: list[dict[str, Any]], keys: dict[str, Any], index: int) -> str:
    if len(items) == 1:
        return text.shortened(items[0]["name"], 28)
    kinds = sorted({item["name"].rsplit(".", 1)[-1] for item in items})
    return " and ".join(kinds) if len(kinds) <= 2 else f"Group {index + 1}"


def run_settings(run: Run) -> str:
    rows = []
    for key, title in RUN_SETTINGS:
        if key not in run.settings:
            continue
        value = run.settings[key]
        if key == "optimizer":
            value = optimizer_name(run)
        elif key == "variant":
            value = str(value).upper()
        elif key == "nonfinite_policy":
            value = POLICIES.get(value, value)
        elif key == "started":
            value = str(value).replace("T", " ").replace("Z", " UTC")
        rows.append((title, text.plain(value) if isinstance(value, float) else
                     text.count(value) if isinstance(value, int) and key != "seed" else escape(str(value))))
    return table("The run", ("", "Value"), rows, "settings")
