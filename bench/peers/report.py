"""Medians and quartiles, and the table."""

import statistics
from typing import Any

from contenders import LIBLARS
from measurement import Series


def spread(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    if len(values) == 1:
        return {"median": values[0], "lower_quartile": values[0], "upper_quartile": values[0]}
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "lower_quartile": lower, "upper_quartile": upper}


def result(where: dict[str, Any], series: Series) -> dict[str, Any]:
    """One row of the results; `where`: its model, threads and allocator."""
    row = where | {"contender": series.contender.name}
    if series.failure is not None:
        return row | {"not_run": series.failure}
    return row | {
        "about": series.about,
        "seconds": spread(series.seconds),
        "ratio_to_liblars": spread(series.ratios()),
        "seconds_of_rounds": series.seconds,
        "liblars_seconds_of_rounds": series.liblars_seconds,
    }


def merged(series: list[Series]) -> Series:
    """liblars's series of all groups as one; the peers' ratios are to their own group's."""
    first, *others = series
    for other in others:
        first.seconds += other.seconds
        first.liblars_seconds += other.liblars_seconds
    return first


def results(where: dict[str, Any], series: list[Series]) -> list[dict[str, Any]]:
    """liblars first, then the peers in their order."""
    own = [one for one in series if one.contender is LIBLARS]
    return [result(where, one) for one in [merged(own), *(s for s in series if s.contender is not LIBLARS)]]


def milliseconds(values: dict[str, float]) -> str:
    """Median and quartiles."""
    median, lower, upper = (1000 * values[key] for key in ("median", "lower_quartile", "upper_quartile"))
    return f"{median:9.2f}  {lower:8.2f} – {upper:8.2f}"


def ratios(values: dict[str, float]) -> str:
    return f"{values['median']:8.2f}  {values['lower_quartile']:6.2f} – {values['upper_quartile']:6.2f}"


def table(report: dict[str, Any]) -> str:
    """What a reader wants to see first."""
    titles = {name: contender["title"] for name, contender in report["contenders"].items()}
    lines: list[str] = []
    heading = None
    for row in report["results"]:
        if heading != (row["model"], row["threads"], row["allocator"]):
            heading = (row["model"], row["threads"], row["allocator"])
            plural = "s" if row["threads"] > 1 else ""
            lines += ["", f"{row['model']}, {row['threads']} thread{plural}, allocator {row['allocator']}"]
            lines += [f"  {'':<34}{'ms a step':>9}  {'quartiles':^19}  {'× liblars':>9}  {'quartiles':^15}"]
        title = titles[row["contender"]]
        if "not_run" in row:
            lines.append(f"  {title:<34}not run: {row['not_run']}")
        else:
            lines.append(f"  {title:<34}{milliseconds(row['seconds'])}  {ratios(row['ratio_to_liblars'])}")
    return "\n".join(lines).lstrip("\n")


def agreement_table(report: dict[str, Any]) -> str:
    lines = ["agreement with liblars: largest difference of a tensor's change, over the largest change"]
    for row in report["agreement"]:
        title = report["contenders"][row["contender"]]["title"]
        if "not_run" in row:
            text = f"not run: {row['not_run']}"
        else:
            text = f"{row['max_relative_error']:.1e}  {'agrees' if row['agrees'] else 'DISAGREES'}"
        lines.append(f"  {title:<34}threads {row['threads']}  {text}")
    return "\n".join(lines)
