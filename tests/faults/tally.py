"""Counts of faults by kind, and how they ended: printed, and as JSON for scripts/reliability."""

import json
import os
import pathlib


class Tally:
    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, int]] = {}

    def count(self, kind: str, *, ended: str, reported: bool) -> None:
        """ended: what was there afterwards; reported: the call returned an error."""
        entry = self.kinds.setdefault(kind, {"tried": 0, "reported": 0})
        entry["tried"] += 1
        entry["reported"] += reported
        entry[ended] = entry.get(ended, 0) + 1

    def print(self) -> None:
        print(f"\n{'faults':52} {'tried':>6}  of them")
        for kind, entry in self.kinds.items():
            ends = ", ".join(f"{number} {what}" for what, number in entry.items() if what != "tried")
            print(f"{kind:52} {entry['tried']:6}  {ends}")
        print(f"{'all':52} {sum(entry['tried'] for entry in self.kinds.values()):6}")

    def write(self, path: str | None, skipped: list[str], passed: bool) -> None:
        if not path:
            return
        content = {"kinds": self.kinds, "skipped": skipped, "passed": passed, "system": os.uname().release}
        pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(path).write_text(json.dumps(content, indent=1) + "\n")


TALLY = Tally()  # of this process
