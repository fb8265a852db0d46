"""run.py must not call a run good that has shown nothing."""

import unittest

from run import verdict


class VerdictTest(unittest.TestCase):
    def test_failures_and_empty_runs_fail(self) -> None:
        self.assertEqual(verdict(3, 0, [], [], strict=False), [])
        self.assertEqual(len(verdict(3, 1, [], [], strict=False)), 1)
        self.assertEqual(len(verdict(0, 0, ["torch: no network"], ["torch"], strict=False)), 1)

    def test_strict_excuses_packages_that_cannot_be_installed(self) -> None:
        skipped = ["differences.LightningBoltsTest.test: No module named 'lightning_bolts'"]
        self.assertEqual(verdict(3, 0, skipped, [], strict=False), [])
        self.assertEqual(len(verdict(3, 0, skipped, [], strict=True)), 1)
        self.assertEqual(len(verdict(3, 0, skipped, ["tinygrad==0.14.0"], strict=True)), 1)
        self.assertEqual(verdict(3, 0, skipped, ["lightning-bolts==0.7.0"], strict=True), [])


if __name__ == "__main__":
    unittest.main()
