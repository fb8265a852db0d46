"""The golden cases would catch the errors that implementations of LARS make: see model.PLANTED_ERRORS."""

import unittest

import golden
import model
from cases import GROUPS

# The quick groups: between them they meet every error.
SEARCHED = ("hyperparameters", "masks", "zeros", "shapes", "combinations", "other_schedules")
CLEARLY = 1000.0  # times the tolerance
CAUGHT_BY_AT_LEAST = 2  # cases


def worst_ratio(golden_case: golden.GoldenCase, error: str | None) -> float:
    """How many tolerances the model is from the golden float64 updates."""
    worst = 0.0
    for tensor in golden_case.case.tensors:
        updates = model.fresh_updates(golden_case.case, tensor, "float64", error)
        for step, expected in golden_case.updates.items():
            worst = max(worst, expected[tensor.name].ratio(updates[step - 1]))
    return worst


class PlantedErrors(unittest.TestCase):
    cases = [golden.read_case(group, case) for group in SEARCHED for case in GROUPS[group]]

    def test_the_model_itself_agrees(self) -> None:
        for golden_case in self.cases:
            with self.subTest(golden_case.case.name):
                self.assertLessEqual(worst_ratio(golden_case, None), 1.0)

    def test_every_planted_error_is_caught_clearly(self) -> None:
        for error, statement in model.PLANTED_ERRORS.items():
            with self.subTest(error, statement=statement):
                caught = [c.case.name for c in self.cases if worst_ratio(c, error) > CLEARLY]
                print(f"planted error '{error}': caught by {len(caught)} cases, e.g. {caught[:2]}")
                self.assertGreaterEqual(len(caught), CAUGHT_BY_AT_LEAST)


if __name__ == "__main__":
    unittest.main()
