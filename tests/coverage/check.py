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


def uncovered_lines(runs: dict[tuple[str, int], int]) -> list[tuple[str, int, str]]:
    """(file, number, text) of lines that were never run."""
    found = []
    for file, number in sorted(place for place, count in runs.items() if count == 0):
        found.append((file, number, (ROOT / file).read_text().splitlines()[number - 1].strip()))
    return found


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
    known = {(entry["file"], entry["text"]): entry["reason"] for entry in reasons}
    lines = uncovered_lines(runs)
    for file, number, text in lines:
        if (file, text) not in known:
            problems.append(f"{file}:{number}: run by no test: test it, or say in {REASONS.name} why not: {text}")
    present = {(file, text) for file, _, text in lines}
    for file, text in known:
        if (file, text) not in present:
            problems.append(f"{REASONS.name}: {file} has no such line that no test runs; remove it: {text}")

    result = {f"{what}_{name}": value for what, counts in shares.items() for name, value in counts.items()}
    result["targets"] = targets(report)
    result["uncovered"] = [{"file": file, "text": text, "reason": known.get((file, text), "")} for file, _, text in lines]
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")

    for problem in problems:
        print(f"coverage: {problem}", file=sys.stderr)
    print("; ".join(f"{counts['percent']} % of {counts['total']} {what}{'es' if what == 'branch' else 's'}"
                    for what, counts in shares.items()) + f"; {len(lines)} lines without a test")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
