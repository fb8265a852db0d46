#!/usr/bin/env python3
"""Writes cases.json: the calls of cases_of_*.py, and what liblars answers to them; see README.md.

    PYTHONPATH=bindings/python/src:bindings/python/tests LIBLARS_LIBRARY=build/dev/liblars.so \\
        python tests/conformance/make_cases.py [--check]

--check writes nothing, and fails if cases.json is not what would be written.
"""

import json
import os
import pathlib
import sys

os.environ["LARS_KERNELS"] = "reference"  # the bits that the definition gives, without vectors

# In the order in which they are played.
import cases_of_steps  # noqa: E402, F401, I001
import cases_of_settings  # noqa: E402, F401
import cases_of_records  # noqa: E402, F401
import replay  # noqa: E402
from building import CASES  # noqa: E402

FILE = pathlib.Path(__file__).parent / "cases.json"


def main() -> int:
    for one in CASES:
        content = one.content
        player = replay.Player(content["arrays"])
        content["calls"] = [call | player.play(call) for call in content["calls"]]
    lines = ",\n".join("  " + json.dumps(one.content, ensure_ascii=False) for one in CASES)
    text = '{"format": 1, "cases": [\n' + lines + "\n]}\n"
    if "--check" not in sys.argv:
        FILE.write_text(text)
    elif FILE.read_text() != text:
        print("cases.json is not what make_cases.py makes", file=sys.stderr)
        return 1
    errors = sum("error" in call for one in CASES for call in one.content["calls"])
    print(f"{len(CASES)} cases, {sum(len(one.content['calls']) for one in CASES)} calls, {errors} of them mistakes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
