"""Of what revision a measurement is: prints that of the working tree; the page asks whether its sections agree."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
from dataclasses import dataclass
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What a measurement depends on. Prose may change between two that are compared.
CODE = ("src", "capi", "include", "bench/step", "bench/models", "bench/peers", "bench/checkpoints", "bench/bindings",
        "bindings", "CMakeLists.txt", ":(exclude)*.md")  # fmt: skip
DIRTY = "-dirty"


class Unusable(Exception):
    """Results that no page can be made of; the message says which, and what to do."""


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)


def revision() -> str:
    """Of the working tree, with a mark if the code in it is not what was committed."""
    head = git("rev-parse", "--short", "HEAD")
    if head.returncode != 0:
        return "unknown"
    return head.stdout.strip() + (DIRTY if git("diff", "--quiet", "HEAD", "--", *CODE).returncode else "")


@dataclass(frozen=True)
class Origin:
    """Where a section of the page comes from."""

    section: str
    revision: str
    date: str
    load: str  # average of a minute, at the start

    @staticmethod
    def of(section: str, file: pathlib.Path, data: dict[str, Any]) -> Origin:
        """Of a result file, by its keys revision, date and load."""
        if not {"revision", "date", "load"} <= data.keys():
            raise Unusable(f"{file} does not say of what revision it is, when it was made and on how busy a machine: measure again")
        load = data["load"]
        busy = ", on a busy machine" if data.get("busy") else ""
        return Origin(section, data["revision"], str(data["date"])[:10], f"{float(load):.2f}{busy}")

    @property
    def commit(self) -> str:
        match = re.match(r"[0-9a-f]{7,40}", self.revision)
        return match.group() if match else ""


def origin_of_file(section: str, file: pathlib.Path) -> list[Origin]:
    """None if there is no such file."""
    return [Origin.of(section, file, json.loads(file.read_text()))] if file.exists() else []


def differ(one: Origin, other: Origin) -> bool:
    if not one.commit or not other.commit:
        return one.revision != other.revision
    return git("diff", "--quiet", one.commit, other.commit, "--", *CODE).returncode != 0


def check(origins: list[Origin]) -> None:
    """That all sections are of the same code."""
    for other in origins[1:]:
        if differ(origins[0], other):
            raise Unusable(f"{origins[0].section} were measured at revision {origins[0].revision}, {other.section} at "
                           f"{other.revision}, and the code differs between them: measure one of them again")


def text(origins: list[Origin]) -> str:
    """One sentence for the page."""
    revisions = list(dict.fromkeys(origin.revision for origin in origins))
    where = f"revision {revisions[0]}" if len(revisions) == 1 else "revisions between which no code was changed"
    parts = []
    for origin in origins:
        at = "" if len(revisions) == 1 else f" at {origin.revision}"
        parts.append(f"{origin.section}{at} on {origin.date} (load average before: {origin.load})")
    dirty = f" `{DIRTY}`: with changes that were not committed." if any(one.endswith(DIRTY) for one in revisions) else ""
    return f"Measured at {where}: {', '.join(parts)}.{dirty}"


if __name__ == "__main__":
    print(revision())
