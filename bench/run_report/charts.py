"""The charts of the page, as plotly figures. page.js draws them, and fits them to the width of the screen.

A chart's horizontal axis counts steps; page.js divides by meta.steps_per_epoch for epochs. meta.narrow holds what a
narrow screen needs otherwise, by path in the layout.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import plotly.graph_objects as go

import numbers_as_text as text
from recorded_run import PARTS, Run

MOST_POINTS = 1500  # of a line
MOST_MARKERS = 40  # on a line
MOST_CELLS = 60_000  # of the heat map, so that hundreds of layers make no page of many megabytes
MOST_COLUMNS = 600
TICK_HEIGHT = 15  # pixels that a layer's name needs

INK, SOFT, GRID, LINE = "#17202b", "#55606e", "#edf0f3", "#cfd6dd"
BLUE, ORANGE, GREEN, PURPLE = "#1f5fbf", "#c2550a", "#22794a", "#7a3fa0"
GAP = "#dde2e8"  # where there is no number to show
VIRIDIS = ("#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725")
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclasses.dataclass
class Chart:
    identity: str
    figure: go.Figure
    label: str  # what it shows, for those who do not see it


def _axis(title: str = "", **more: Any) -> dict[str, Any]:
    return {"title": {"text": title, "font": {"size": 12, "color": SOFT}, "standoff": 8}, "gridcolor": GRID,
            "linecolor": LINE, "zeroline": False, "tickfont": {"size": 12, "color": SOFT}, **more}


def _figure(run: Run, height: int, y: dict[str, Any], narrow: dict[str, Any] | None = None, **more: Any) -> go.Figure:
    x = _axis("step", showline=True, ticks="outside", ticklen=4, tickcolor=LINE, automargin=False)
    if run.step_count > 1:
        margin = 0.01 * run.step_count
        x["range"] = [1 - margin, run.step_count + margin]
    else:
        x.update(range=[0, 2], tickvals=[1])
    layout = {
        "height": height, "margin": {"l": 8, "r": 12, "t": 36, "b": 44}, "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "#ffffff", "font": {"family": FONT, "size": 13, "color": INK}, "hovermode": "x unified",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": LINE, "font": {"family": FONT, "size": 13, "color": INK}},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom",
                   "itemclick": "toggle", "bgcolor": "rgba(0,0,0,0)"},
        "xaxis": x, "yaxis": {"automargin": True, **y}, "template": {}, **more,
        "meta": {"steps_per_epoch": run.steps_per_epoch, "narrow": narrow or {}},
    }
    return go.Figure(layout=layout)


def _line(x: list[float], y: list[float | None], name: str, colour: str, **more: Any) -> go.Scatter:
    alone = [value is not None and _isolated(y, index) for index, value in enumerate(y)]
    if len(x) <= MOST_MARKERS:
        marker = {"size": 5, "color": colour}
    elif any(alone):
        marker = {"size": [5 if single else 0 for single in alone], "color": colour}
    else:
        marker = None
    return go.Scatter(x=x, y=y, name=name, mode="lines+markers" if marker else "lines", marker=marker,
                      line={"color": colour, "width": 2}, **more)


def _isolated(values: list[float | None], index: int) -> bool:
    """A value between two gaps is on no line."""
    before = values[index - 1] if index > 0 else None
    after = values[index + 1] if index + 1 < len(values) else None
    return before is None and after is None


def _logarithmic(values: list[float]) -> bool:
    """Whether values are best seen on a logarithmic axis."""
    values = text.finite(values)
    return bool(values) and min(values) > 0 and max(values) > 5 * min(values)


def _value_axis(title: str, values: list[float], **more: Any) -> dict[str, Any]:
    if _logarithmic(values):
        # 1, 2, 5 within a few decades; only powers of ten over more, where those would crowd.
        wide = max(text.finite(values)) > 300 * min(text.finite(values))
        return _axis(title, type="log", dtick=1 if wide else "D2", tickformat=".6~g", **more)
    return _axis(title, **more)


def _thinned(run: Run, values: list[float]) -> tuple[list[float], list[float | None]]:
    slices = text.buckets(len(values), MOST_POINTS)
    steps = run.steps["step"]
    return ([(steps[part.start] + steps[part.stop - 1]) / 2 for part in slices],
            [text.rounded(text.mean(values[part]), 5) for part in slices])


def _course(values: list[float]) -> str:
    """First, least, greatest and last value, in words."""
    values = text.finite(values)
    if not values:
        return "no finite value"
    return (f"{text.number(values[0])} at first, {text.number(values[-1])} at last, between {text.number(min(values))} "
            f"and {text.number(max(values))}")


def loss(run: Run) -> Chart:
    epochs = run.epochs
    figure = _figure(run, 320, _value_axis("cross-entropy", run.steps["loss"] + epochs["test_loss"]))
    steps, losses = _thinned(run, run.steps["loss"])
    slices = text.buckets(run.step_count, MOST_POINTS)
    each = "training, each step" if len(slices) == run.step_count else f"training, means of {slices[0].stop} steps"
    figure.add_trace(_line(steps, losses, each, BLUE, hovertemplate="%{y:.4f}"))
    if epochs["epoch"]:
        ends = [epoch * run.steps_per_epoch for epoch in epochs["epoch"]]
        tested = [text.rounded(value, 5) for value in epochs["test_loss"]]
        figure.add_trace(_line(ends, tested, "test, each epoch", ORANGE, customdata=epochs["epoch"],
                               hovertemplate="%{y:.4f} after epoch %{customdata}"))
    label = f"Line chart of the loss. Training: {_course(run.steps['loss'])}. Test: {_course(epochs['test_loss'])}."
    return Chart("loss", figure, label)


def accuracy(run: Run) -> Chart:
    epochs = run.epochs
    figure = _figure(run, 320, _axis("accuracy", tickformat=".0%"))
    shown = text.finite(epochs["train_accuracy"] + epochs["test_accuracy"])
    if shown and max(shown) - min(shown) < 0.05:
        figure.update_yaxes(tickformat=".1%")
    ends = [epoch * run.steps_per_epoch for epoch in epochs["epoch"]]
    for key, name, colour in (("train_accuracy", "training", BLUE), ("test_accuracy", "test", ORANGE)):
        figure.add_trace(_line(ends, [text.rounded(value, 6) for value in epochs[key]], name, colour,
                               customdata=epochs["epoch"], hovertemplate="%{y:.2%} after epoch %{customdata}"))
    label = ("Line chart of the accuracy after each epoch, as a fraction. "
             f"Training: {_course(epochs['train_accuracy'])}. Test: {_course(epochs['test_accuracy'])}.")
    return Chart("accuracy", figure, label)


def learning_rate(run: Run) -> Chart:
    figure = _figure(run, 300, _axis("learning rate", rangemode="tozero"), showlegend=False)
    figure.update_layout(margin={"t": 12})
    steps, rates = _thinned(run, run.steps["learning_rate"])
    figure.add_trace(_line(steps, rates, "learning rate", GREEN, hovertemplate="%{y:.4~g}"))
    label = f"Line chart of the learning rate of the weights: {_course(run.steps['learning_rate'])}."
    return Chart("rate", figure, label)


def _colour_range(logarithms: list[list[float | None]]) -> tuple[float, float]:
    seen = [value for row in logarithms for value in row if value is not None] or [0.0]
    low, high = min(seen), max(seen)
    middle = (low + high) / 2  # all but equal ratios are not to be painted as if they were far apart
    return (low, high) if high - low >= 0.1 else (middle - 0.05, middle + 0.05)


def colour_ticks(low: float, high: float) -> list[float]:
    """Round numbers from 10^low to 10^high; 1, 2 and 5 if few decades leave room for them."""
    digits = (1, 2, 5) if high - low < 2 else (1,)
    decades = range(math.floor(low), math.ceil(high) + 1)
    ticks = [digit * 10.0**decade for decade in decades for digit in digits]
    inside = [tick for tick in ticks if low - 1e-9 <= math.log10(tick) <= high + 1e-9]
    if len(inside) < 2:
        return [10.0**low, 10.0**high]
    return inside[:: math.ceil(len(inside) / 6)]


def _layer_axis(names: list[str], height: int, most: int) -> dict[str, Any]:
    """As many names as there is room for."""
    every = max(1, math.ceil(len(names) * TICK_HEIGHT / height))
    return {"tickvals": names[::every], "ticktext": text.layer_names(names, most)[::every]}


def _cells(ratios: dict[str, list[float]], columns: list[slice]) -> tuple[list[list[float | None]], list[list[str]]]:
    """Logarithms for the colours, and the numbers in words."""
    logarithms, words = [], []
    for values in ratios.values():
        row = [text.mean_logarithm(values[part]) for part in columns]
        logarithms.append([text.rounded(value) for value in row])
        words.append([text.number(10**value) if value is not None else _trouble(values[part])
                      for value, part in zip(row, columns)])
    return logarithms, words


def _trouble(values: list[float]) -> str:
    """The first value that has no logarithm."""
    return text.number(next(value for value in values if not (math.isfinite(value) and value > 0)))


def heat_columns(run: Run, rows: int) -> list[slice]:
    return text.buckets(run.step_count, max(1, min(MOST_COLUMNS, MOST_CELLS // max(rows, 1))))


def colour_scale(chart: Chart) -> str:
    """The key to the colours of the heat map, which plotly's own would take from the map's width on a phone."""
    trace = chart.figure.data[0]
    low, high = trace.zmin, trace.zmax
    ticks = colour_ticks(low, high)
    digits = 1 if len(ticks) > 2 else 3
    places = [100 * (math.log10(tick) - low) / (high - low) for tick in ticks]
    labels = "".join(f'<span style="left:{place:.2f}%">{text.number(tick, digits)}</span>'
                     for tick, place in zip(ticks, places))
    gradient = f"linear-gradient(to right, {', '.join(VIRIDIS)})"
    return (f'<div class="scale" aria-hidden="true"><b>r</b><div><i style="background:{gradient}"></i>{labels}</div>'
            "</div>")


def trust_ratio(run: Run) -> Chart:
    ratios = run.trust_ratios()
    names = list(ratios)
    columns = heat_columns(run, len(names))
    logarithms, words = _cells(ratios, columns)
    low, high = _colour_range(logarithms)
    plot = min(max(34 * len(names), 150), 720)
    desktop, phone = _layer_axis(names, plot, 34), _layer_axis(names, plot, 16)
    narrow = {"yaxis.ticktext": phone["ticktext"]}
    figure = _figure(run, plot + 52, _axis(autorange="reversed", **desktop), narrow, hovermode="closest")
    figure.update_layout(plot_bgcolor=GAP, margin={"t": 8})
    figure.update_xaxes(showgrid=False, range=None, tickvals=[1] if run.step_count == 1 else None)
    figure.update_yaxes(showgrid=False, ticks="")
    steps = run.steps["step"]
    figure.add_trace(go.Heatmap(
        x=[(steps[part.start] + steps[part.stop - 1]) / 2 for part in columns], y=names, z=logarithms, text=words,
        zmin=low, zmax=high, colorscale=list(VIRIDIS), showscale=False, ygap=1 if len(names) <= 60 else 0, meta="step",
        hovertemplate="<b>%{y}</b><br>%{meta} %{x:.4~g}: r = %{text}<extra></extra>", hoverongaps=True))
    every = [value for values in ratios.values() for value in values]
    label = (f"Heat map of the trust ratios of {text.plural(len(names), 'layer')} over "
             f"{text.plural(run.step_count, 'step')}. All of them: {_course(every)}. The table below tells them apart.")
    return Chart("ratios", figure, label)


def time(run: Run) -> Chart:
    assert run.timings is not None
    parts = ((PARTS[0], "forward", BLUE), (PARTS[1], "backward", ORANGE), (PARTS[2], "liblars", GREEN))
    values = {part: [1e3 * value for value in run.timings[part]] for part, _, _ in parts}
    figure = _figure(run, 300, _value_axis("ms a step", [value for part in values.values() for value in part]))
    for part, name, colour in parts:
        steps, milliseconds = _thinned(run, values[part])
        figure.add_trace(_line(steps, milliseconds, name, colour, hovertemplate="%{y:.3~g} ms"))
    courses = " ".join(f"{name}: {_course(values[part])}." for part, name, _ in parts)
    return Chart("time", figure, f"Line chart of milliseconds a step. {courses}")


def parameter_courses(run: Run) -> dict[str, Any]:
    """What page.js draws of one parameter at a time: norms and effective learning rate of all, thinned."""
    assert run.telemetry is not None
    columns = heat_columns(run, 2 * len(run.telemetry))
    steps = run.steps["step"]
    courses = []
    for name, quantities in run.telemetry.items():
        means = {quantity: [text.rounded(text.mean(quantities[quantity][part])) for part in columns]
                 for quantity in ("weight_norm", "gradient_norm", "update_norm", "effective_rate")}
        courses.append({"name": name, **means})
    return {"steps": [(steps[part.start] + steps[part.stop - 1]) / 2 for part in columns], "parameters": courses}


def parameter_charts(run: Run) -> list[Chart]:
    """Empty of values: page.js puts those of the chosen parameter."""
    norms = _figure(run, 300, _axis("norm", type="log"))
    for name, colour in (("|w|", BLUE), ("|g|", ORANGE)):
        norms.add_trace(_line([], [], name, colour, hovertemplate="%{y:.4~g}"))
    # Often nearly |g|: dashed, so that both can be seen.
    norms.add_trace(_line([], [], "|u|", PURPLE, hovertemplate="%{y:.4~g}"))
    norms.update_traces(line_dash="dot", selector={"name": "|u|"})
    rate = _figure(run, 300, _axis("learning rate × r", type="log"), showlegend=True)
    rate.add_trace(_line([], [], "effective learning rate", GREEN, hovertemplate="%{y:.4~g}"))
    return [Chart("norms", norms, "Line chart of the norms of the chosen parameter, its gradient and update."),
            Chart("effective", rate, "Line chart of the effective learning rate of the chosen parameter.")]
