"""Numbers as a reader likes them, and long series cut to what a screen can show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
NARROW_SPACE = "\u202f"  # does not break


def finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def number(value: float, digits: int = 3) -> str:
    """With `digits` significant digits; powers of ten where there would be more than three zeros."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if -4 < exponent < max(digits, 5):
        return f"{value:.{max(digits - 1 - exponent, 0)}f}".replace("-", "−")
    mantissa = f"{value / 10.0 ** exponent:.{digits - 1}f}".replace("-", "−")
    return f"{mantissa}{NARROW_SPACE}×{NARROW_SPACE}10{str(exponent).translate(SUPERSCRIPTS)}"


def plain(value: float) -> str:
    """As it was set: 0.001 and 0.9 rather than 0.00100 and 0.900."""
    return number(value) if value and not 1e-4 <= abs(value) < 1e5 else f"{value:.6g}"


def count(value: float) -> str:
    """In groups of three digits from five digits on."""
    return f"{value:,.0f}".replace(",", NARROW_SPACE if abs(value) >= 10000 else "")


def percent(value: float, digits: int = 2) -> str:
    return f"{100 * value:.{digits}f}{NARROW_SPACE}%" if math.isfinite(value) else number(value)


def share(value: float) -> str:
    """A percentage that is never rounded to nothing or to all."""
    if 0 < value < 0.001:
        return f"< 0.1{NARROW_SPACE}%"
    if 0.999 < value < 1:
        return f"> 99.9{NARROW_SPACE}%"
    return percent(value, 1 if 0 < value < 1 else 0)


def duration(seconds: float) -> str:
    if not math.isfinite(seconds):
        return number(seconds)
    for limit, scale, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{number(seconds * scale)}{NARROW_SPACE}{unit}"
    if seconds < 120:
        return f"{seconds:.1f}{NARROW_SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes}{NARROW_SPACE}min {rest}{NARROW_SPACE}s"
    return f"{minutes // 60}{NARROW_SPACE}h {minutes % 60}{NARROW_SPACE}min"


def plural(amount: int, word: str) -> str:
    return f"{count(amount)} {word}{'' if amount == 1 else 's'}"


def median(values: Sequence[float]) -> float:
    """Of the finite values; NaN if there are none."""
    ordered = sorted(finite(values))
    if not ordered:
        return math.nan
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def buckets(length: int, most: int) -> list[slice]:
    """At most `most` neighbouring slices of one size, the last perhaps smaller, that cover `length` values."""
    size = max(1, math.ceil(length / most))
    return [slice(first, min(first + size, length)) for first in range(0, length, size)]


def mean(values: Sequence[float]) -> float | None:
    """None, a gap, if any value is not finite: a mean would hide it."""
    return sum(values) / len(values) if all(map(math.isfinite, values)) else None


def mean_logarithm(values: Sequence[float]) -> float | None:
    """To base 10; None, a gap, if any value has none."""
    if not all(math.isfinite(value) and value > 0 for value in values):
        return None
    return sum(map(math.log10, values)) / len(values)


def rounded(value: float | None, digits: int = 4) -> float | None:
    """To significant digits, which halves the page; None for what JSON cannot hold."""
    return float(f"{value:.{digits}g}") if value is not None and math.isfinite(value) else None


def shortened(name: str, most: int) -> str:
    """The name with its middle left out where it is longer: both ends tell names apart."""
    if len(name) <= most:
        return name
    tail = (most - 1) * 2 // 3
    return f"{name[:most - 1 - tail]}…{name[-tail:]}"


def layer_names(names: Sequence[str], most: int) -> list[str]:
    """Short forms for an axis: without the last word if all share it, then with words cut to initial and number, from
    the left and as far as needed: "encoder.stage2.block10.conv" to "e.s2.block10.conv"."""
    last = {name.rpartition(".")[2] for name in names}
    shared = len(last) == 1 and len(names) > 1 and all("." in name for name in names)
    return [_abbreviated(name.rpartition(".")[0] if shared else name, most) for name in names]


def _abbreviated(name: str, most: int) -> str:
    words = name.split(".")
    for index, word in enumerate(words):
        if len(".".join(words)) <= most:
            break
        words[index] = word[:1] + "".join(character for character in word[1:] if character.isdigit())
    return shortened(".".join(words), most)
