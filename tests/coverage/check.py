"""Checks what scripts/coverage has measured: the limits, and the reasons for the lines that no test runs.

tests/coverage/uncovered.json lists those by their text, so that it survives changes elsewhere in the file. A line that
is neither run nor listed is an error, and so is one that is listed and run.
"""

import argparse
import json
import pathlib
import re
import sys
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
REASONS = pathlib.Path(__file__).resolve().parent / "uncovered.json"
LEAST_LINES, LEAST_BRANCHES = 95.0, 90.0  # percent


def uncovered_lines(report: dict) -> list[tuple[str, int, str]]:
    """(file, number, text) of lines that were never run, in whatever instantiation."""
    found = []
    for file in report["files"]:
        runs: Counter[int] = Counter()
        for line in file["lines"]:
            if not line.get("gcovr/noncode") and not line.get("gcovr/excluded"):
                runs[line["line_number"]] += line["count"]
        text = (ROOT / file["file"]).read_text().splitlines()
        found += [(file["file"], number, text[number - 1].strip()) for number in sorted(runs) if runs[number] == 0]
    return found


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
    summary = json.loads((arguments.folder / "summary.json").read_text())
    reasons = json.loads(REASONS.read_text())

    problems = []
    if summary["line_percent"] <= LEAST_LINES:
        problems.append(f"{summary['line_percent']} % of lines are run; more than {LEAST_LINES} % are wanted")
    if summary["branch_percent"] <= LEAST_BRANCHES:
        problems.append(f"{summary['branch_percent']} % of branches are run; more than {LEAST_BRANCHES} % are wanted")
    known = {(entry["file"], entry["text"]): entry["reason"] for entry in reasons}
    lines = uncovered_lines(report)
    for file, number, text in lines:
        if (file, text) not in known:
            problems.append(f"{file}:{number}: run by no test: test it, or say in {REASONS.name} why not: {text}")
    present = {(file, text) for file, _, text in lines}
    for file, text in known:
        if (file, text) not in present:
            problems.append(f"{REASONS.name}: {file} has no such line that no test runs; remove it: {text}")

    result = {name: summary[name] for name in ("line_total", "line_covered", "line_percent", "branch_total",
                                               "branch_covered", "branch_percent", "function_total", "function_covered")}
    result["files"] = [{name: file[name] for name in ("filename", "line_total", "line_covered", "branch_total",
                                                      "branch_covered")} for file in summary["files"]]
    result["targets"] = targets(report)
    result["uncovered"] = [{"file": file, "text": text, "reason": known.get((file, text), "")} for file, _, text in lines]
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")

    for problem in problems:
        print(f"coverage: {problem}", file=sys.stderr)
    print(f"{summary['line_percent']} % of {summary['line_total']} lines, {summary['branch_percent']} % of "
          f"{summary['branch_total']} branches, {len(lines)} lines without a test")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
