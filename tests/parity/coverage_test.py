"""The table of cases covers every row of optax.lars, every schedule of optax, and every key of lars.h."""

import inspect
import re
import unittest
from typing import Any

import optax

import inputs
from case import MASKS, Case
from cases import GROUPS, SCHEDULES, SHAPE_CASES
from environment import REPOSITORY
from liblars import KEYS
from schedules import CONSTRUCTORS, Schedule

# Public functions of optax.schedules that are not schedules.
NOT_SCHEDULES = {
    "inject_hyperparams": "wraps an optimizer so that its numbers may be schedules; the table uses it for eps,"
    " momentum and trust_coefficient",
    "inject_stateful_hyperparams": "deprecated name of inject_hyperparams",
}
ALL_CASES = [case for cases in GROUPS.values() for case in cases]
HEADER = (REPOSITORY / "include" / "lars" / "lars.h").read_text()


def public_functions() -> set[str]:
    """Functions, not classes, that optax.schedules offers."""
    return {
        name for name, value in vars(optax.schedules).items() if inspect.isfunction(value) and name[0] != "_"
    }


def used_schedules(schedule: Schedule) -> set[str]:
    parts = schedule.arguments.get("schedules", [])
    return {schedule.function}.union(*(used_schedules(part) for part in parts))


def values_of(key: str) -> list[Any]:
    return [case.hyperparameters[key] for case in ALL_CASES if key in case.hyperparameters]


class Coverage(unittest.TestCase):
    def test_every_argument_of_lars(self) -> None:
        for name in inspect.signature(optax.lars).parameters:
            with self.subTest(name):
                if name in MASKS:
                    forms = {getattr(case, name).form for case in ALL_CASES}
                    self.assertEqual(forms, {"all", "none", "tree", "prefix", "callable"})
                else:
                    self.assertGreaterEqual(
                        len({v for v in values_of(name) if not isinstance(v, Schedule)}), 2
                    )

    def test_every_schedule_of_optax(self) -> None:
        self.assertLessEqual(set(NOT_SCHEDULES), public_functions())
        used = set().union(*(used_schedules(schedule) for schedule in SCHEDULES.values()))
        self.assertEqual(public_functions() - set(NOT_SCHEDULES), used - {"inverse_time"})

    def test_every_schedule_constructor_of_the_header(self) -> None:
        declared = set(re.findall(r"lars_schedule_(\w+)\(", HEADER)) - {"value", "error_message", "destroy"}
        self.assertEqual(declared, {constructor.liblars for constructor in CONSTRUCTORS.values()})

    def test_every_key_of_the_header(self) -> None:
        section = HEADER.split("Hyper-parameter keys")[1].split("@name")[0]
        declared = {
            name.lower(): int(number) for name, number in re.findall(r"#define LARS_(\w+) (\d+)", section)
        }
        self.assertEqual(declared, KEYS)
        used = {setting["key"] for case in ALL_CASES for setting in case.settings()}
        self.assertEqual(used, set(KEYS))

    def test_every_schedule_for_learning_rate_and_weight_decay(self) -> None:
        for key in ("learning_rate", "weight_decay"):
            scheduled = [value for value in values_of(key) if isinstance(value, Schedule)]
            self.assertEqual(set().union(*map(used_schedules, scheduled)), set(CONSTRUCTORS), key)

    def test_every_numeric_key_is_scheduled(self) -> None:
        for key in set(KEYS) - set(MASKS) - {"nesterov"}:
            self.assertTrue(any(isinstance(value, Schedule) for value in values_of(key)), key)

    def test_shapes(self) -> None:
        shapes = [tensor.shape for case in SHAPE_CASES for tensor in case.tensors]
        self.assertEqual({len(shape) for shape in shapes}, {0, 1, 2, 3, 4})
        sizes = {tensor.size() for case in SHAPE_CASES for tensor in case.tensors}
        self.assertLessEqual({0, 1, 4095, 4096, 4097}, sizes)
        self.assertTrue(any(size > 4096 and size % 16 for size in sizes))

    def test_steps_and_patterns(self) -> None:
        self.assertLessEqual({1, 2, 200}, {case.steps for case in ALL_CASES})
        patterns = {(t.parameter, t.gradient) for case in ALL_CASES for t in case.tensors}
        self.assertLessEqual({("zero", "zero"), ("zero", "random"), ("random", "zero")}, patterns)
        self.assertEqual({pattern for pair in patterns for pattern in pair}, set(inputs.PATTERNS))

    def test_names_are_unique(self) -> None:
        names = [case.name for case in ALL_CASES]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
