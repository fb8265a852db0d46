"""Checks what scripts/coverage has measured: the limits, and the reasons for the lines that no test runs.

tests/coverage/uncovered.json lists those by their text and that of the line before, so that it survives changes elsewhere
in the file, and says how often such a pair is left out, if more than once. A line that is neither run nor listed is an
error, and so is one that is listed and run. Files that are not compiled here are listed as such.
"""

import argparse
import json
import pathlib
import re
import sys
from collections import Counter
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REASONS = pathlib.Path(__file__).resolve().parent / "uncovered.json"
LEAST_LINES, LEAST_BRANCHES = 95.0, 90.0  # percent


def counted_lines(report: dict) -> dict[tuple[str, int], int]:
    """(file, number): how often a line was run, in whatever instantiation of a template, for whatever target."""
    runs: Counter[tuple[str, int]] = Counter()
    for file in report["files"]:
        for line in file["lines"]:
            if not line.get("gcovr/noncode") and not line.get("gcovr/excluded"):
                runs[file["file"], line["line_number"]] += line["count"]
    return runs


def counted_branches(report: dict) -> dict[tuple[str, int, int], int]:
    """How often each branch was taken; those of all instantiations of a line are one.

    The SIMD kernels are compiled so many times into one function that gcov tells only which way a branch goes.
    """
    taken: Counter[tuple[str, int, int]] = Counter()
    for file in report["files"]:
        for line in file["lines"]:
            for number, branch in enumerate(line.get("branches", [])):
                way = int(branch["fallthrough"]) if "/simd" in file["file"] else number
                taken[file["file"], line["line_number"], way] += branch["count"]
    return taken


class Place(NamedTuple):
    """By which a line is known, whatever its number."""

    file: str
    after: str  # the line before, without blanks
    text: str


def uncovered_lines(runs: dict[tuple[str, int], int], root: pathlib.Path = ROOT) -> list[tuple[int, Place]]:
    """Number and place of lines that were never run."""
    found = []
    for file, number in sorted(place for place, count in runs.items() if count == 0):
        lines = ["", *(line.strip() for line in (root / file).read_text().splitlines())]
        found.append((number, Place(file, lines[number - 1], lines[number])))
    return found


def unexplained(lines: list[tuple[int, Place]], reasons: list[dict]) -> list[str]:
    """What is wrong with the reasons: lines that have none, and reasons for lines that are run, or for fewer."""
    problems = []
    known = {Place(entry["file"], entry["after"], entry["text"]): entry.get("count", 1) for entry in reasons}
    present = Counter(place for _, place in lines)
    for number, place in lines:
        if place not in known:
            problems.append(f"{place.file}:{number}: run by no test: test it, or say in {REASONS.name} why not: {place.text} "
                            f"(after: {place.after})")
        elif present[place] > known[place]:
            problems.append(f"{place.file}:{number}: run by no test, and {REASONS.name} has a reason for {known[place]} of "
                            f"these {present[place]}: {place.text}")
    for place, count in known.items():
        if present[place] < count:
            problems.append(f"{REASONS.name}: {place.file} has {present[place]} of {count} such lines that no test runs; remove "
                            f"it, or set its count: {place.text} (after: {place.after})")
    return problems


def uncompiled(report: dict, reasons: list[dict], root: pathlib.Path = ROOT) -> list[str]:
    """What is wrong with the list of files that are not compiled here: every other source must be counted."""
    counted = {file["file"] for file in report["files"]}
    listed = {entry["file"] for entry in reasons}
    sources = {str(path.relative_to(root)) for folder in ("src", "capi") for path in (root / folder).rglob("*.cpp")}
    return ([f"{file}: not compiled here: say in {REASONS.name} why not" for file in sorted(sources - counted - listed)]
            + [f"{REASONS.name}: {file} is compiled, or not there; remove it" for file in sorted(listed & counted | listed - sources)])


def share(counts: dict) -> dict[str, float]:
    covered = sum(count > 0 for count in counts.values())
    return {"total": len(counts), "covered": covered, "percent": round(100 * covered / len(counts), 1)}


def targets(report: dict) -> dict[str, dict[str, int]]:
    """Functions of the SIMD kernels compiled for each target, and those that were run: the processor has not all."""
    found: dict[str, dict[str, int]] = {}
    for file in report["files"]:
        for function in file["functions"]:
            match = re.search(r"\bN_(\w+)::", function.get("demangled_name") or function["name"])
            if match:
                entry = found.setdefault(match[1], {"functions": 0, "run": 0})
                entry["functions"] += 1
                entry["run"] += function["execution_count"] > 0
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    report = json.loads((arguments.folder / "lines.json").read_text())
    runs = counted_lines(report)
    shares = {"line": share(runs), "branch": share(counted_branches(report))}
    reasons = json.loads(REASONS.read_text())

    problems = []
    for what, least in (("line", LEAST_LINES), ("branch", LEAST_BRANCHES)):
        if shares[what]["percent"] <= least:
            problems.append(f"{shares[what]['percent']} % of the {what} count is covered; more than {least} % are wanted")
    lines = uncovered_lines(runs)
    problems += unexplained(lines, reasons["lines"]) + uncompiled(report, reasons["not compiled"])

    result = {f"{what}_{name}": value for what, counts in shares.items() for name, value in counts.items()}
    result["targets"] = targets(report)
    known = {Place(entry["file"], entry["after"], entry["text"]): entry["reason"] for entry in reasons["lines"]}
    result["uncovered"] = [{"file": place.file, "text": place.text, "reason": known.get(place, "")} for _, place in lines]
    result["not compiled"] = reasons["not compiled"]
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")

    for problem in problems:
        print(f"coverage: {problem}", file=sys.stderr)
    print("; ".join(f"{counts['percent']} % of {counts['total']} {what}{'es' if what == 'branch' else 's'}"
                    for what, counts in shares.items()) + f"; {len(lines)} lines without a test")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
