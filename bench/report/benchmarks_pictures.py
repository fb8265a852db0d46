"""The pictures of docs/benchmarks.md, drawn by gnuplot."""

from __future__ import annotations

import pathlib
import subprocess

from results import PeerRun, StepRun

STYLE = """set terminal svg size 860,{height} font 'sans-serif,13' background rgb 'white' enhanced
set grid ytics lc rgb '#dddddd' lw 1 lt 1
set border 3 lc rgb '#444444'
set tics nomirror
"""
COLOURS = ("#1f6fb4", "#7fb2de", "#d1651f", "#8c8c8c", "#5b9a4b", "#b5487a", "#c9a227", "#444444", "#6a51a3")


def draw(program: str, file: pathlib.Path, height: int = 420) -> None:
    text = STYLE.format(height=height) + f"set output '{file}'\n" + program
    subprocess.run(["gnuplot"], input=text, text=True, check=True)


def quoted(text: str) -> str:
    return '"' + text.replace("_", "\\\\_").replace('"', "'") + '"'


def clustered_bars(groups: list[str], series: dict[str, list[float]], ylabel: str, extra: str = "") -> str:
    """Bars of every series beside each other, group by group; NaN leaves a gap."""
    rows = [" ".join([quoted(group), *(f"{values[i]:.6g}" for values in series.values())]) for i, group in enumerate(groups)]
    program = "$data << EOD\n" + "\n".join(rows) + "\nEOD\n"
    program += f"set style data histograms\nset style histogram clustered gap 1.5\nset style fill solid 0.9\nset ylabel '{ylabel}'\n"
    program += "set yrange [0:*]\nset key outside top center horizontal maxrows 3\nset datafile missing 'nan'\n" + extra
    plots = [
        f"$data using {column + 2}:xtic(1) lc rgb '{COLOURS[column % len(COLOURS)]}' title {quoted(name)}"
        for column, name in enumerate(series)
    ]
    return program + "plot " + ", ".join(plots) + "\n"


def lines(series: dict[str, list[tuple[float, float]]], labels: str, extra: str = "") -> str:
    program = ""
    for index, points in enumerate(series.values()):
        program += f"$s{index} << EOD\n" + "".join(f"{x:.8g} {y:.8g}\n" for x, y in points) + "EOD\n"
    program += labels + "set key outside top center horizontal maxrows 2\n" + extra
    plots = [
        f"$s{index} using 1:2 with linespoints lw 2 pt 7 ps 0.6 lc rgb '{COLOURS[index % len(COLOURS)]}' title {quoted(name)}"
        for index, name in enumerate(series)
    ]
    return program + "plot " + ", ".join(plots) + "\n"


def by_model(runs: list[StepRun], contenders: list[str], threads: int, file: pathlib.Path) -> None:
    series = {
        name: [run.ns_per_parameter(name, threads) if run.has(name, threads) else float("nan") for run in runs]
        for name in contenders
    }
    draw(clustered_bars([run.model for run in runs], series, f"ns per parameter, {threads} threads"), file)


def shares(runs: list[StepRun], contenders: list[str], threads: int, file: pathlib.Path) -> None:
    series = {name: [run.share_of_ceiling(name, threads).median for run in runs] for name in contenders}
    extra = "set arrow from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#444444' dt 2\n"
    draw(clustered_bars([run.model for run in runs], series, "time of the two ceilings / time of the step", extra), file)


def by_size(runs: list[StepRun], contenders: list[str], threads: int, file: pathlib.Path) -> None:
    series = {
        name: [(run.parameters, run.ns_per_parameter(name, threads)) for run in runs if run.has(name, threads)]
        for name in contenders
    }
    labels = f"set logscale x\nset xrange [500:*]\nset format x '10^{{%L}}'\nset xlabel 'parameters in one tensor'\nset ylabel 'ns per parameter, {threads} threads'\nset yrange [0:*]\n"
    draw(lines(series, labels), file)


def by_threads(runs: list[StepRun], file: pathlib.Path) -> None:
    groups = [run.model for run in runs]
    counts = runs[0].threads()
    series: dict[str, list[float]] = {}
    for name in ("lars", "ceiling of pass 2"):
        for count in counts:
            plural = "s" if count > 1 else ""
            series[f"{name}, {count} thread{plural}"] = [run.ns_per_parameter(name, count) for run in runs]
    draw(clustered_bars(groups, series, "ns per parameter"), file)


def peers(run: PeerRun, threads: int, file: pathlib.Path) -> None:
    models = run.models()
    series: dict[str, list[float]] = {}
    for contender, title in run.titles.items():
        ratios = run.ratios(contender, threads)
        if ratios and contender != "liblars":
            series[title] = [ratios[model].median if model in ratios else float("nan") for model in models]
    extra = "set logscale y\nset yrange [0.5:*]\nset arrow from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#444444' dt 2\n"
    draw(clustered_bars(models, series, f"time of a step / time of liblars, {threads} threads", extra), file, 460)
