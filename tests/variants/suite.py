"""The tests of one environment: `suite.py GROUP RESULTS.json`, with the Python that has its packages."""

import importlib
import json
import pathlib
import sys
import unittest
from typing import Any

import agreement
import differences

DIFFERENCES = {
    "torch": [differences.TimmTest, differences.PytorchOptimizerTest, differences.LightningBoltsTest],
    "paddle": [differences.PaddleTest],
    "tinygrad": [differences.TinygradTest],
    "tensorflow": [differences.TensorFlowModelsTest],
}


def suite_of(group: str, agreements: list[dict[str, Any]]) -> unittest.TestSuite:
    """Agreement goes to `agreements` as it is found."""
    loader = unittest.TestLoader()
    originals = importlib.import_module("formulas" if group == "formulas" else f"on_{group}").ORIGINALS
    agreement.add_agreement_tests(originals, agreements)
    suite = unittest.TestSuite([loader.loadTestsFromTestCase(agreement.Agreement)])
    if group == "formulas":
        suite.addTest(loader.loadTestsFromTestCase(agreement.Discernment))
        suite.addTest(loader.loadTestsFromTestCase(agreement.KeysTest))
        suite.addTest(loader.loadTestsFromName("formula_differences"))
        suite.addTest(loader.loadTestsFromName("documentation"))
    for case in DIFFERENCES.get(group, []):
        suite.addTest(loader.loadTestsFromTestCase(case))
    return suite


def main() -> int:
    group, results = sys.argv[1], pathlib.Path(sys.argv[2])
    agreements: list[dict[str, Any]] = []
    outcome = unittest.TextTestRunner(verbosity=2).run(suite_of(group, agreements))
    failed = len(outcome.failures) + len(outcome.errors)
    skipped = [f"{test.id()}: {reason}" for test, reason in outcome.skipped]
    counts = {"passed": outcome.testsRun - failed - len(skipped), "failed": failed, "skipped": skipped}
    results.write_text(json.dumps({**counts, "agreements": agreements}))
    return 0 if outcome.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
