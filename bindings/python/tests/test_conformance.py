"""This binding plays the cases that every binding plays."""

from __future__ import annotations

import json
import os
import pathlib

import pytest
import replay

CASES = pathlib.Path(
    os.environ.get("LARS_CASES", pathlib.Path(__file__).parents[3] / "tests" / "conformance" / "cases.json")
)


@pytest.mark.parametrize("case", json.loads(CASES.read_text())["cases"], ids=lambda case: case["name"])
def test_plays_as_recorded(case):
    player = replay.Player(case["arrays"])
    for call in case["calls"]:
        expected = {part: call[part] for part in ("returns", "error", "arrays") if part in call}
        assert player.play(call) == expected, call
