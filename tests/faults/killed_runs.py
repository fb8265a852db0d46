"""Runs that are killed at system calls, and begun again, end with the bits of one that was not.

At random moments they are killed by killed_runs_test.cpp, which needs no strace.
"""

import pathlib
import shutil
import signal
import tempfile
import unittest

from tally import TALLY
from traced import PROGRAM, SystemCall, run, run_with_fault, system_calls

KILLS = 2  # at most, of one run at one system call: it may get no further


class KilledRuns(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lars-faults-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.files = self.folder / "files"

    def begin(self) -> None:
        shutil.rmtree(self.files, ignore_errors=True)
        self.files.mkdir()

    def digest_of_an_undisturbed_run(self, scenario: str) -> str:
        self.begin()
        result = run(PROGRAM, "train", str(self.files), scenario)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def digest_of_a_run_killed_at(self, call: SystemCall, scenario: str) -> str:
        self.begin()
        for attempt in range(KILLS):
            result = run_with_fault(call, "signal=KILL", "train", str(self.files), scenario)
            if attempt > 0 and result.returncode == 0:  # the rest of the run makes fewer calls
                return result.stdout
            self.assertEqual(result.returncode, -signal.SIGKILL, result.stderr)
        result = run(PROGRAM, "train", str(self.files), scenario)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_killed_at_every_system_call(self) -> None:
        """Of every scenario some calls, of all scenarios together every one that a run makes."""
        scenarios = int(run(PROGRAM, "scenarios").stdout)
        for number in range(scenarios):
            scenario = str(number)
            expected = self.digest_of_an_undisturbed_run(scenario)
            self.begin()
            calls = system_calls(self.folder / "trace", "train", str(self.files), scenario)
            self.assertGreater(len(calls), 50)
            for call in calls[number::scenarios]:
                with self.subTest(scenario=scenario, call=str(call)):
                    self.assertEqual(self.digest_of_a_run_killed_at(call, scenario), expected)
                    TALLY.count("run, killed at a system call and begun again", ended="same bits", reported=False)
