"""Turns a run of lars-train into one HTML page that needs nothing but itself.

    run_report.py RUN [--output PAGE]      RUN is the folder that lars-train --out wrote; the page goes there by default
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import string
import sys
from html import escape
from typing import Any

from plotly.offline import get_plotlyjs

import charts
import numbers_as_text as text
import recorded_run
import tables
from recorded_run import ReportError, Run

HERE = pathlib.Path(__file__).parent


def embedded(data: Any) -> str:
    """JSON that a <script> element can hold: no name of a layer can end it."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def chart_place(chart: charts.Chart, caption: str = "") -> str:
    title = f"<figcaption>{caption}</figcaption>" if caption else ""
    return (f'<figure>{title}<div class="chart" id="{chart.identity}" role="img" aria-label="{escape(chart.label)}" '
            f'style="min-height:{chart.figure.layout.height}px"></div>'
            f'<script type="application/json">{embedded(chart.figure.to_plotly_json())}</script></figure>')


def pair(*places: str) -> str:
    return f'<div class="pair">{"".join(places)}</div>'


def learning(run: Run) -> str:
    if not run.step_count:
        return "<p>No step was taken, so there is nothing to draw.</p>"
    places = [chart_place(charts.loss(run), "Loss")]
    if run.epochs["epoch"]:
        places.append(chart_place(charts.accuracy(run), "Accuracy"))
    body = ("<p>Training: over the images of a step or epoch, while the weights moved. Test: over the whole test set "
            "after each epoch.</p>" + (pair(*places) if len(places) > 1 else places[0]))
    return body + (tables.folded("Loss and accuracy by epoch, in numbers", tables.epochs_table(run))
                   if run.epochs["epoch"] else "")


def trust_ratios(run: Run) -> str:
    ratios = run.trust_ratios()
    if not ratios:
        why = ("No step was taken." if not run.step_count else
               f"In this run with {tables.optimizer_name(run)} no layer has a trust ratio of its own: it is 1 for all.")
        return f"<p>{why}</p>"
    others = len(run.telemetry or ratios) - len(ratios)
    words = ("r = η|w| ∕ |u| scales the learning rate of a layer: a bright layer takes large steps. The layers stand "
             "in the order of the network, the input at the top; the colours are logarithmic.")
    if others:
        words += f" Not shown: {text.plural(others, 'parameter')} without one (r = 1)."
    gaps = sum(not (math.isfinite(ratio) and ratio > 0) for values in ratios.values() for ratio in values)
    if gaps:
        words += f" Grey: {text.plural(gaps, 'ratio')} not finite, or 0."
    columns = charts.heat_columns(run, len(ratios))
    if columns[0].stop > 1:
        words += f" Each column is the geometric mean of {columns[0].stop} steps."
    chart = charts.trust_ratio(run)
    return (f"<p>{words}</p>{charts.colour_scale(chart)}{chart_place(chart)}"
            + tables.folded("Trust ratio by layer, in numbers", tables.ratios_table(run)))


def parameters(run: Run) -> str:
    if not run.telemetry:
        return ("<p>This run has no telemetry (telemetry.csv): norms and limits of its parameters were not recorded. "
                "lars-train writes it with every run.</p>")
    names = "".join(f"<option>{escape(name)}</option>" for name in run.telemetry)
    norms, effective = charts.parameter_charts(run)
    tap = " A tap on a layer above chooses it, too." if run.trust_ratios() else ""
    return ("<p>Norms of the weights w, the gradient g and the update u that the trust ratio is taken of, and the learning "
            f"rate times the trust ratio, of one parameter.{tap}</p>"
            '<p class="choice"><label for="parameter">Parameter</label>'
            f'<select id="parameter" autocomplete="off">{names}</select></p>'
            + pair(chart_place(norms, "Norms"), chart_place(effective, "Effective learning rate")))


def time(run: Run) -> str:
    if run.timings is None:
        return "<p>This run has no timings (timings.csv). lars-train writes them with every run.</p>"
    if not run.step_count:
        return "<p>No step was taken.</p>"
    return (f"<p>{tables.time_words(run)}</p>{tables.time_bar(run)}"
            + pair(tables.time_table(run), chart_place(charts.time(run), "Step by step")))


def settings(run: Run) -> str:
    values = tables.hyperparameters(run)
    if run.step_count:
        chart = chart_place(charts.learning_rate(run), "Learning rate of the weights, before the trust ratio")
        values = pair(f"<div>{values}</div>", chart)
    return (f"<p>{tables.settings_words(run)}</p>" + values
            + tables.folded("Settings and versions of the run", tables.run_settings(run)))


SECTIONS = (
    ("learning", "Learning", "Loss and accuracy", learning),
    ("trust", "Trust ratios", "Trust ratio of every layer", trust_ratios),
    ("parameters", "Parameters", "Parameter by parameter", parameters),
    ("limits", "Limits", "Limits that took hold", tables.limits),
    ("timing", "Time", "Where the time goes", time),
    ("settings", "Settings", "Hyper-parameters in force", settings),
)

# Steps or epochs on the horizontal axes; page.js follows it.
AXIS = ('<fieldset class="switch"><legend>Horizontal axes</legend>'
        '<label><input type="radio" name="unit" value="step" checked autocomplete="off">Steps</label>'
        '<label><input type="radio" name="unit" value="epoch" autocomplete="off">Epochs</label></fieldset>')


def page(run: Run) -> str:
    version = run.settings.get("liblars", "(unknown version)")
    sections = "".join(f'<section id="{identity}" aria-labelledby="{identity}-title">'
                       f'<h2 id="{identity}-title">{title}</h2>{build(run)}</section>'
                       for identity, _, title, build in SECTIONS)
    name = f"{tables.optimizer_name(run)} on {run.settings['model']}, batch {run.settings['batch']}"
    template = string.Template((HERE / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(tables.capital(name)),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        verdict=tables.verdict(run),
        summary=tables.summary(run),
        cards=tables.key_numbers(run),
        links="".join(f'<li><a href="#{identity}">{link}</a></li>' for identity, link, _, _ in SECTIONS),
        axis=AXIS if run.steps_per_epoch and run.step_count > 1 else "",
        sections=sections,
        footer=escape(f"Made by scripts/report of a run with liblars {version}."),
        courses=embedded(charts.parameter_courses(run) if run.telemetry else None),
        plotly=get_plotlyjs(),
        script=(HERE / "page.js").read_text(encoding="utf-8"),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    try:
        content = page(recorded_run.load(arguments.run))
    except ReportError as error:
        sys.exit(f"report: {error}")
    output = arguments.output or arguments.run / "report.html"
    try:
        output.write_text(content, encoding="utf-8")
    except OSError as error:
        sys.exit(f"report: {output} cannot be written: {error.strerror}; choose another place with --output PAGE")
    print(output)


if __name__ == "__main__":
    main()
