"""The pictures of docs/benchmarks.md, drawn by gnuplot."""

from __future__ import annotations

import pathlib
import re
import subprocess

from results import PeerRun, Spread, StepRun
from targets import STATE_BYTES, count

WIDTH = 830  # at which README.md and docs/benchmarks.md show them, so that letters keep their size
STYLE = """set terminal svg size {width},{height} font 'DejaVu Sans,Helvetica,Arial,sans-serif,14' background rgb 'white' enhanced
set border 3 lc rgb '#444444'
set tics nomirror
set grid {grid} lc rgb '#dddddd' lw 1 lt 1
set style fill solid 1.0 noborder
set key outside top center horizontal
"""
# Okabe and Ito's, which all eyes tell apart; liblars is blue.
BLUE, LIGHT_BLUE, ORANGE, GREEN, GREY, DARK = "#0072b2", "#56b4e9", "#d55e00", "#009e73", "#b0b0b0", "#333333"
COLOURS = (BLUE, LIGHT_BLUE, GREEN, ORANGE, GREY)
PEER_SHADES, OWN_SHADES = ("#606060", "#9a9a9a", "#c8c8c8"), (BLUE, "#4fa3d8", "#a6d0ec")
MISSING = Spread(float("nan"), float("nan"), float("nan"))


def draw(title: str, program: str, file: pathlib.Path, height: int = 420, grid: str = "ytics") -> None:
    text = STYLE.format(width=WIDTH, height=height, grid=grid) + f"set output '{file}'\n" + program
    subprocess.run(["gnuplot"], input=text, text=True, check=True)
    svg = file.read_text()
    if "<title>Gnuplot</title>" not in svg:
        raise RuntimeError(f"{file}: gnuplot has written no title to replace")
    svg = re.sub(r"<title>gnuplot_plot_\d+</title>", "", svg)  # what a browser would show above a bar
    file.write_text(svg.replace("<title>Gnuplot</title>", f"<title>{title}</title>"))


def quoted(text: str) -> str:
    return '"' + text.replace("_", "\\\\_").replace('"', "'") + '"'


def numbers(spread: Spread) -> str:
    return f"{spread.median:.6g} {spread.lower:.6g} {spread.upper:.6g}"


def clustered_bars(groups: list[str], series: dict[str, list[Spread]], ylabel: str, colours: tuple[str, ...], extra: str = "") -> str:
    """Bars of every series beside each other, group by group, with their quartiles."""
    rows = [" ".join([quoted(group), *(numbers(values[i]) for values in series.values())]) for i, group in enumerate(groups)]
    program = "$data << EOD\n" + "\n".join(rows) + "\nEOD\n"
    program += f"set style data histograms\nset style histogram errorbars gap 1.5\nset errorbars 0.4 lw 1.2 lc rgb '{DARK}'\n"
    program += f"set ylabel '{ylabel}'\nset yrange [0:*]\nset xrange [-0.7:{len(groups) - 0.3}]\nset xtics scale 0\n" + extra
    plots = []
    for index, name in enumerate(series):
        first = 3 * index + 2
        plots.append(f"$data using {first}:{first + 1}:{first + 2}:xtic(1) fc rgb '{colours[index]}' lc rgb '{DARK}' title {quoted(name)}")
    return program + "plot " + ", ".join(plots) + "\n"


class Bars:
    """Horizontal bars in groups, from the top downwards, each with its value; quartiles as whiskers; a line upwards."""

    def __init__(self, line: float) -> None:
        self._line = line
        self._bars: list[str] = []
        self._texts: list[tuple[float, float, str]] = []
        self._tics: list[str] = []
        self._y = 0.0

    def group(self, name: str, bars: list[tuple[Spread, str, str]]) -> None:
        """Bars of value, colour and the text beside it; NaN leaves the text alone."""
        self._tics.append(f"{name} {self._y + (len(bars) - 1) / 2:g}")
        for spread, colour, text in bars:
            if spread.median == spread.median:
                self._bars.append(f"{self._y:g} {numbers(spread)} {int(colour[1:], 16)}")
            else:
                spread = Spread(0.0, 0.0, 0.0)
            self._texts.append((self._y, spread.upper, text))
            self._y += 1.0
        self._y += 0.8

    def height(self) -> int:
        return int(115 + 17 * self._y)

    def _beside(self, end: float) -> float:
        """Where a text begins that is to be beside a bar, but not on the line."""
        width = 0.09 * max(x for _, x, _ in self._texts)
        return self._line if self._line - width < end < self._line else end

    def program(self, xlabel: str, legend: list[tuple[str, str]]) -> str:
        texts = [f'{y:g} {self._beside(x):.6g} "{text}"' for y, x, text in self._texts]
        program = "$bars << EOD\n" + "\n".join(self._bars) + "\nEOD\n$texts << EOD\n" + "\n".join(texts) + "\nEOD\n"
        program += upright(self._line)
        program += f"set ytics ({', '.join(self._tics)}) scale 0\nset yrange [{self._y - 0.4:g}:-0.9]\n"
        program += f"set xrange [0:*]\nset xlabel {quoted(xlabel)}\nset bars 0.5\nset offsets 0, graph 0.09, 0, 0\n"
        plots = [
            "$bars using ($2/2):1:($2/2):(0.44):5 with boxxyerror lc rgb variable notitle",
            f"$bars using 2:1:3:4 with xerrorbars pt 0 lw 1.2 lc rgb '{DARK}' notitle",
            "$texts using 2:1:3 with labels left offset 0.7,0 font ',12' notitle",
        ]
        plots += [f"NaN with boxes lc rgb '{colour}' title {quoted(name)}" for name, colour in legend]
        return program + "plot " + ", ".join(plots) + "\n"


def at(value: float, text: str = "") -> str:
    """A line across at a height, and what it is."""
    line = f"set arrow from graph 0, first {value} to graph 1, first {value} nohead lc rgb '{DARK}' dt 2 front\n"
    return line + (f"set label '{text}' at graph 0.995, first {value} right offset 0,0.6 font ',12'\n" if text else "")


def upright(value: float, text: str = "", side: str = "left") -> str:
    line = f"set arrow from first {value:.8g}, graph 0 to first {value:.8g}, graph 1 nohead lc rgb '{DARK}' dt 2 front\n"
    if not text:
        return line
    return line + f"set label '{text}' at first {value:.8g}, graph 0.95 {side} offset {-1 if side == 'right' else 1},0 font ',12'\n"


def by_model(runs: list[StepRun], contenders: list[str], threads: int, file: pathlib.Path) -> None:
    series = {name: [run.spread_of_ns(name, threads) for run in runs] for name in contenders}
    program = clustered_bars([run.model for run in runs], series, f"ns per parameter, {count(threads)}", COLOURS)
    draw("ns per parameter of a step, by model", program, file)


def shares(runs: list[StepRun], contenders: list[str], threads: int, file: pathlib.Path) -> None:
    series = {name: [run.share_of_ceiling(name, threads) for run in runs] for name in contenders}
    program = clustered_bars([run.model for run in runs], series, "time of both ceilings / time of the step", COLOURS, at(1))
    draw("Time of both ceilings over that of a step, by model", program, file)


def by_size(runs: list[StepRun], contenders: list[str], threads: int, cache_bytes: int, file: pathlib.Path) -> None:
    program = ""
    for index, name in enumerate(contenders):
        rows = [f"{run.parameters} {numbers(run.spread_of_ns(name, threads))}" for run in runs if run.has(name, threads)]
        program += f"$s{index} << EOD\n" + "\n".join(rows) + "\nEOD\n"
    program += "set logscale x\nset xrange [500:*]\nset format x '10^{%L}'\nset xlabel 'parameters in one tensor'\n"
    program += f"set ylabel 'ns per parameter, {count(threads)}'\nset yrange [0:*]\nset bars 0.6\n"
    program += upright(cache_bytes / STATE_BYTES, "in the last-level cache", "right")
    program += upright(cache_bytes / STATE_BYTES, "larger than it", "left")
    plots = []
    for index, name in enumerate(contenders):
        colour = (BLUE, ORANGE)[index]
        plots.append(f"$s{index} using 1:2 with lines lw 2.5 lc rgb '{colour}' title {quoted(name)}")
        plots.append(f"$s{index} using 1:2:3:4 with yerrorbars lw 1.2 pt 7 ps 0.6 lc rgb '{colour}' notitle")
    draw("ns per parameter of a step, by size", program + "plot " + ", ".join(plots) + "\n", file)


def by_threads(runs: list[StepRun], file: pathlib.Path) -> None:
    """One thread and all: the step beside the sum of both ceilings."""
    series: dict[str, list[Spread]] = {}
    for threads in sorted({1, max(runs[0].threads())}):
        series[f"lars, {count(threads)}"] = [run.spread_of_ns("lars", threads) for run in runs]
        series[f"both ceilings, {count(threads)}"] = [
            Spread.of([1e9 * seconds / run.parameters for seconds in run.ceilings(threads)]) for run in runs
        ]
    program = clustered_bars([run.model for run in runs], series, "ns per parameter", (BLUE, "#777777", LIGHT_BLUE, "#bbbbbb"))
    draw("ns per parameter of a step and of both ceilings, by threads", program, file)


def tiny(run: StepRun, contenders: list[str], file: pathlib.Path) -> None:
    bars = Bars(80)
    shades = dict(zip(sorted({1, max(run.threads())}), (LIGHT_BLUE, BLUE), strict=False))
    for name in contenders:
        entries = []
        for threads, colour in shades.items():
            if run.has(name, threads):
                spread = Spread.of([1e9 * seconds / run.tensors for seconds in run.seconds(name, threads)])
                entries.append((spread, colour, f"{spread.median:.0f}"))
        bars.group(quoted(name), entries)
    legend = [(count(threads), colour) for threads, colour in shades.items()]
    program = bars.program(f"ns per tensor, {run.tensors} tensors of 64 to 255 elements; dashed: the target of 80", legend)
    draw("ns of a step per tiny tensor", program, file, bars.height(), "xtics")


def peers(run: PeerRun, threads: int, file: pathlib.Path) -> None:
    """Three bars a peer, for which three models are enough."""
    models = run.models()[: len(PEER_SHADES)]
    bars = Bars(1)
    for contender, title in run.titles.items():
        ratios = run.ratios(contender, threads)
        own = contender == "liblars"
        if own:
            bars.group('"{/:Bold liblars}"', [(Spread(1.0, 1.0, 1.0), shade, "1.00") for shade in OWN_SHADES[: len(models)]])
        elif ratios:
            bars.group(quoted(title), [(ratios[model], shade, f"{ratios[model].median:.2f}") if model in ratios
                                       else (MISSING, shade, "not run")
                                       for model, shade in zip(models, PEER_SHADES, strict=False)])  # fmt: skip
    xlabel = f"time of a step / time of liblars, {count(threads)}: shorter is faster"
    program = bars.program(xlabel, list(zip(models, PEER_SHADES, strict=False)))
    draw("Time of a step over that of liblars, by implementation and model", program, file, bars.height(), "xtics")
