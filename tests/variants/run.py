#!/usr/bin/env python3
"""Steps liblars beside the code that its variants are named after, each in an environment with its packages.

    scripts/differential --variants [--only torch,paddle] [--page] [--strict]

Fails if a test fails, or if none has run. With --strict, which scripts/differential asks for, also if a test was skipped
for any other reason than a package that cannot be installed, which is named.

Standard library only. The environments are those of bench/peers where they fit.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.append(str(REPOSITORY / "scripts"))

from environments import EnvironmentFailure, digest_of, last_line, python_of  # noqa: E402  it is in that folder

PEERS = REPOSITORY / "bench" / "peers" / "requirements"
OWN = HERE / "requirements"
# By group of originals: the environment's name and its packages.
ENVIRONMENTS = {
    "formulas": ("peers/liblars", PEERS / "liblars.txt"),
    "torch": ("peers/torch", PEERS / "torch.txt"),
    "paddle": ("peers/paddle", PEERS / "paddle.txt"),
    "tinygrad": ("peers/liblars", PEERS / "liblars.txt"),  # one of the files, and NumPy
    "tensorflow": ("peers/tensorflow", OWN / "tensorflow.txt"),
}
VARIANTS = ("optax", "paper", "torch", "larc", "barlow", "tf")
RESULTS = REPOSITORY / "build" / "variants"
FILES = RESULTS / "files"
PAGE = REPOSITORY / "docs" / "variants.md"
MARKS = ("<!-- agreement: written by scripts/differential --variants --page -->", "<!-- end of agreement -->")


def install_files() -> list[str]:
    """The packages of which single files are loaded, without what they depend on. Those that cannot be installed are
    reported here and returned, and their tests skip."""
    requirements = OWN / "files.txt"
    stamp = FILES / "requirements.sha256"
    if stamp.exists() and stamp.read_text() == digest_of(requirements):
        return []
    python = python_of(*ENVIRONMENTS["formulas"])
    missing = []
    for line in requirements.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--upgrade", "--target", str(FILES), line]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            missing.append(line)
            print(f"variants: {line} cannot be installed: {last_line(result.stderr)}", file=sys.stderr)
    if not missing:
        stamp.write_text(digest_of(requirements))
    return missing


def unexcused(skipped: list[str], missing: list[str]) -> list[str]:
    """The skips that no package explains that cannot be installed: `missing` has requirements, "package==1.0"."""
    packages = [re.split("[=<>~]", requirement)[0].replace("-", "_").lower() for requirement in missing]
    return [reason for reason in skipped
            if not any(package in reason.replace("-", "_").lower() for package in packages)]


def verdict(passed: int, failed: int, skipped: list[str], missing: list[str], strict: bool) -> list[str]:
    """Why the run must fail."""
    reasons = [f"{failed} tests failed"] if failed else []
    if passed + failed == 0:
        reasons.append("no test has run")
    if strict:
        reasons += [f"skipped, though every package could be installed that it names: {one}"
                    for one in unexcused(skipped, missing)]
    return reasons


def run_group(group: str, library: Path) -> dict[str, Any]:
    """What suite.py found; prints as it goes."""
    print(f"\n== {group}", flush=True)
    results = RESULTS / f"{group}.json"
    results.unlink(missing_ok=True)
    try:
        python = python_of(*ENVIRONMENTS[group])
    except EnvironmentFailure as error:
        print(f"not run: {error}")
        return {"passed": 0, "failed": 0, "skipped": [f"{group}: {error}"], "agreements": [], "missing": [group]}
    environment = {
        **os.environ,
        "LARS_LIBRARY": str(library),
        "LARS_VARIANT_FILES": str(FILES),
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # silences its notice
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [str(python), "-W", "ignore", str(HERE / "suite.py"), group, str(results)]
    subprocess.run(command, check=False, env=environment)
    if not results.exists():  # died before it could say: a missing package, say
        return {"passed": 0, "failed": 1, "skipped": [], "agreements": []}
    return json.loads(results.read_text())


def table(agreements: list[dict[str, Any]]) -> str:
    head = ["implementation", "version or source", "its settings", "here", "vectors left out", "compared without"]
    head += ["agrees to"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in sorted(agreements, key=lambda row: (VARIANTS.index(row["variant"]), row["title"])):
        settings = "".join(f", `{key}` {value:g}" for key, value in row["settings"].items())
        here = f"`{row['variant'].upper()}`{settings}"
        source = f"{row['package']} {row['version']}" if row["package"] else row["source"]
        cells = [row["title"], source, row["theirs"], here, row["excluded"], row["without"], f"{row['deviation']:.0e}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_page(agreements: list[dict[str, Any]]) -> None:
    text = PAGE.read_text()
    first, last = map(re.escape, MARKS)
    new, count = re.subn(f"{first}.*{last}", lambda _: f"{MARKS[0]}\n{table(agreements)}\n{MARKS[1]}", text, flags=re.S)
    if count != 1:
        raise SystemExit(f"variants: {PAGE} needs the lines {MARKS[0]} and {MARKS[1]}, once")
    PAGE.write_text(new)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--only", default=",".join(ENVIRONMENTS), help="groups (%(default)s)")
    parser.add_argument("--page", action="store_true", help="write the table of docs/variants.md; needs all groups")
    parser.add_argument("--strict", action="store_true", help="fail if anything was skipped that could have run")
    arguments = parser.parse_args()
    groups = arguments.only.split(",")
    for group in groups:
        if group not in ENVIRONMENTS:
            parser.error(f"no group {group}; the groups are {', '.join(ENVIRONMENTS)}")
    if arguments.page and set(groups) != set(ENVIRONMENTS):
        parser.error("--page needs all groups: leave --only away")
    FILES.mkdir(parents=True, exist_ok=True)
    missing = []
    try:
        missing = install_files()
    except EnvironmentFailure as error:
        print(f"variants: without the packages of single files: {error}", file=sys.stderr)
        missing = [line for line in (OWN / "files.txt").read_text().splitlines() if line and not line.startswith("#")]
    results = [run_group(group, arguments.library.resolve()) for group in groups]
    agreements = [row for result in results for row in result["agreements"]]
    print("\n" + table(agreements) + "\n")
    skipped = [reason for result in results for reason in result["skipped"]]
    for reason in skipped:
        print(f"skipped: {reason}")
    missing += [group for result in results for group in result.get("missing", [])]
    if missing:
        print(f"cannot be installed here: {', '.join(missing)}")
    passed, failed = (sum(result[count] for result in results) for count in ("passed", "failed"))
    if arguments.page and (failed or skipped):
        print(f"variants: {PAGE.name} stays as it is: not everything ran and agreed", file=sys.stderr)
    elif arguments.page:
        write_page(agreements)
    print(f"{passed} passed, {failed} failed, {len(skipped)} skipped")
    reasons = verdict(passed, failed, skipped, missing, arguments.strict)
    for reason in reasons:
        print(f"variants: {reason}", file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
