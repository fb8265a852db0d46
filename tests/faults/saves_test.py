"""Saves and loads under real faults: killed at every system call, refused by the system at every one, on full disks.

Whatever happens, the file is the old checkpoint or the new one, whole, an error says which, and the optimizer is
unchanged. Runs that are killed and begun again (killed_runs.py) end with the same bits. Needs strace, and root for a file
system of its own; what is missing is skipped, and said.
"""

import contextlib
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from collections.abc import Iterator

from killed_runs import KilledRuns  # noqa: F401 (unittest finds it here)
from tally import TALLY
from traced import PROGRAM, SystemCall, run, run_with_fault, system_calls

OLD, NEW = 1, 2  # steps taken
KIB = 1024

MEMORY_CALLS = {"brk", "mmap", "mremap", "munmap", "madvise", "mprotect", "futex"}
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EINTR", "ENOMEM")
# Whose interruption is no failure: they are called again.
UNINTERRUPTED = {"open", "openat", "write", "fsync", "close", "read", "pread64"}


def faults_of(call: SystemCall) -> tuple[str, ...]:
    """The ways in which a system call can fail, as strace injects them."""
    if call.name == "brk":
        return ("retval=0",)  # a break that did not move
    if call.name in MEMORY_CALLS:
        return ("error=ENOMEM",)
    more = ("EMFILE", "EROFS") if call.name.startswith("open") else ()
    return tuple(f"error={error}" for error in (*ERRORS, *more))


class Saves(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lars-faults-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.files = self.folder / "files"
        self.files.mkdir()
        self.path = self.files / "state.safetensors"
        self.old = self.folder / "old"
        self.assertEqual(run(PROGRAM, "save", str(self.old), str(OLD)).returncode, 0)
        self.begin()

    def begin(self) -> None:
        """The old checkpoint, and nothing else."""
        for left in self.files.iterdir():
            left.unlink()
        shutil.copyfile(self.old, self.path)

    def save(self, steps: int, **options) -> subprocess.CompletedProcess:
        return run(PROGRAM, "save", str(self.path), str(steps), **options)

    def saved_steps(self) -> int:
        """Steps of the checkpoint that is there; fails unless it is whole."""
        result = run(PROGRAM, "check", str(self.path))
        self.assertEqual(result.returncode, 0, result.stderr)
        return int(result.stdout)

    def end(self, result: subprocess.CompletedProcess, kind: str) -> int:
        """Checks what a save that met a fault has left, and counts it. Returns the steps of the file that is there."""
        steps = self.saved_steps()
        self.assertIn(steps, (OLD, NEW))
        reported = result.returncode == 3
        if result.returncode == 0:
            self.assertEqual(steps, NEW)
        elif reported:
            if "LARS_ERR_MEMORY" in result.stderr:
                self.assertEqual(steps, OLD, "nothing was changed")
            else:
                self.assertIn("LARS_ERR_IO", result.stderr)
                self.assertIn("is as it was" if steps == OLD else "is the new checkpoint", result.stderr)
        else:
            self.assertEqual(result.returncode, -signal.SIGKILL, result.stderr)
        TALLY.count(kind, ended="old file" if steps == OLD else "new file", reported=reported)
        return steps

    def assert_nothing_left_over(self) -> None:
        self.assertEqual([one.name for one in self.files.iterdir()], [self.path.name])


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class UnderStrace(Saves):
    def calls_of_a_save(self) -> list[SystemCall]:
        calls = system_calls(self.folder / "trace", "save", str(self.path), str(NEW))
        self.begin()
        self.assertGreater(len(calls), 10)
        return calls

    def save_with_fault(self, call: SystemCall, fault: str, action: str = "save") -> subprocess.CompletedProcess:
        self.begin()
        return run_with_fault(call, fault, action, str(self.path), str(NEW))

    def test_the_order_of_a_save(self) -> None:
        """Nothing is renamed that was not written, synchronized and closed; the folder is synchronized last."""
        names = [call.name for call in self.calls_of_a_save()
                 if call.name in ("write", "fsync", "close", "rename", "renameat", "renameat2")]
        writes = names.count("write")
        self.assertGreater(writes, 2)
        rename = next(name for name in names if name.startswith("rename"))
        self.assertEqual(names, ["write"] * writes + ["fsync", "close", rename, "fsync", "close"])

    def test_killed_at_every_system_call(self) -> None:
        """At its entry: the call is not made. The last is the first after the save."""
        outcomes = []
        for call in self.calls_of_a_save():
            with self.subTest(call=str(call)):
                result = self.save_with_fault(call, "signal=KILL")
                self.assertEqual(result.returncode, -signal.SIGKILL)
                outcomes.append(self.end(result, "save, killed at a system call"))
                self.assertEqual(self.save(NEW).returncode, 0, "what a killed save has left is in the way")
        self.assertEqual(outcomes, sorted(outcomes))  # first the old file, from the rename on the new one
        self.assertEqual(set(outcomes), {OLD, NEW})

    def test_refused_at_every_system_call(self) -> None:
        for call in self.calls_of_a_save():
            for fault in faults_of(call):
                with self.subTest(call=str(call), fault=fault):
                    result = self.save_with_fault(call, fault)
                    error = fault.removeprefix("error=")
                    self.end(result, "save, no memory from the system" if call.name in MEMORY_CALLS
                             else f"save, a system call fails with {error}")
                    if call.name != "unlink":
                        self.assert_nothing_left_over()
                    if error == "EINTR" and call.name in UNINTERRUPTED:
                        self.assertEqual(result.returncode, 0, result.stderr)

    def test_what_must_not_pass_unnoticed(self) -> None:
        for call in self.calls_of_a_save():
            name = "rename" if call.name.startswith("rename") else call.name
            if name in ("write", "fsync", "rename"):
                with self.subTest(call=str(call)):
                    result = self.save_with_fault(call, "error=EIO")
                    self.assertEqual(result.returncode, 3)
                    self.assertIn("Input/output error", result.stderr)
                    self.assertIn(f"cannot {name}", result.stderr)

    def test_a_save_that_failed_can_be_made_again(self) -> None:
        for call in self.calls_of_a_save():
            if call.name not in MEMORY_CALLS:
                with self.subTest(call=str(call)):
                    result = self.save_with_fault(call, "error=ENOSPC", "again")
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertEqual(self.saved_steps(), NEW)
                    self.assert_nothing_left_over()

    def test_writes_that_lie(self) -> None:
        """The system says it wrote a byte, and did not: the file is found out when it is loaded."""
        for call in self.calls_of_a_save():
            if call.name == "write":
                with self.subTest(call=str(call)):
                    self.assertEqual(self.save_with_fault(call, "retval=1").returncode, 0)
                    check = run(PROGRAM, "check", str(self.path))
                    self.assertEqual(check.returncode, 3)
                    self.assertIn("LARS_ERR_FORMAT", check.stderr)
                    TALLY.count("save, a write lies", ended="found out by the load", reported=False)

    def test_loads_refused_at_every_system_call(self) -> None:
        calls = system_calls(self.folder / "trace", "check", str(self.path))
        self.assertGreater(len(calls), 5)
        for call in calls:
            for fault in faults_of(call):
                with self.subTest(call=str(call), fault=fault):
                    result = run_with_fault(call, fault, "check", str(self.path))
                    reported = result.returncode == 3
                    if reported:
                        self.assertRegex(result.stderr, "^LARS_ERR_(IO|MEMORY): ")
                    else:
                        self.assertEqual((result.returncode, result.stdout), (0, f"{OLD}\n"), result.stderr)
                    if fault == "error=EINTR" and call.name in UNINTERRUPTED:
                        self.assertFalse(reported, result.stderr)
                    kind = "no memory from the system" if call.name in MEMORY_CALLS else "a system call fails"
                    TALLY.count(f"load, {kind}", reported=reported,
                                ended="optimizer unchanged" if reported else "loaded")

    def test_reads_that_lie(self) -> None:
        """The system says it read a byte, and did not."""
        for call in system_calls(self.folder / "trace", "check", str(self.path)):
            if call.name == "pread64":
                with self.subTest(call=str(call)):
                    result = run_with_fault(call, "retval=1", "check", str(self.path))
                    self.assertIn(result.returncode, (0, 3), result.stderr)  # 0: the byte was zero anyway
                    if result.returncode == 3:
                        self.assertRegex(result.stderr, "^LARS_ERR_(FORMAT|MISMATCH): ")
                    TALLY.count("load, a read lies", reported=result.returncode == 3,
                                ended="optimizer unchanged" if result.returncode == 3 else "loaded")


class OnFullDisks(Saves):
    def setUp(self) -> None:
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("not root: no file system of its own can be mounted")
        try:
            with self.mounted("size=1m"):
                pass
        except OSError as error:
            self.skipTest(f"no file system can be mounted here: {error}")

    @contextlib.contextmanager
    def mounted(self, options: str) -> Iterator[None]:
        """A file system in memory, which has the old checkpoint."""
        result = run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.files))
        if result.returncode != 0:
            raise OSError(result.stderr.strip())
        try:
            shutil.copyfile(self.old, self.path)
            yield
        finally:
            self.assertEqual(run("umount", str(self.files)).returncode, 0)

    def test_full_file_systems(self) -> None:
        """Room for the old file and ever more of the new one."""
        size = self.old.stat().st_size // KIB
        outcomes = []
        for room in range(size + 8, 2 * size + 80, 24):
            with self.subTest(room=room), self.mounted(f"size={room}k"):
                result = self.save(NEW)
                outcomes.append(self.end(result, "save, the file system is full"))
                if result.returncode != 0:
                    self.assertIn("No space left on device", result.stderr)
                self.assert_nothing_left_over()
        self.assertEqual(outcomes, sorted(outcomes))
        self.assertEqual(set(outcomes), {OLD, NEW})

    def test_no_room_for_another_file(self) -> None:
        with self.mounted("nr_inodes=2"):
            result = self.save(NEW)
            self.assertEqual(result.returncode, 3)
            self.assertIn("No space left on device", result.stderr)
            self.assertEqual(self.end(result, "save, no room for another file"), OLD)


class AtLimits(Saves):
    def test_limit_of_file_sizes(self) -> None:
        size = self.old.stat().st_size
        for ignored in (False, True):
            for limit in (0, 1, size // 2, size - 1):
                def set_limit() -> None:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN if ignored else signal.SIG_DFL)

                with self.subTest(ignored=ignored, limit=limit):
                    self.begin()
                    result = self.save(NEW, preexec_fn=set_limit)
                    self.assertEqual(result.returncode, 3, "not refused, or ended by a signal")
                    self.assertIn("RLIMIT_FSIZE", result.stderr)
                    self.assertEqual(self.end(result, "save, RLIMIT_FSIZE"), OLD)
                    self.assert_nothing_left_over()

    def test_folder_that_may_not_be_written(self) -> None:
        options = {}
        if os.geteuid() == 0:  # who may write everywhere, so somebody else saves
            options = {"user": 65534, "group": 65534, "extra_groups": []}
            for one in (self.folder, self.files, self.path):
                os.chown(one, 65534, 65534)
            if run(PROGRAM, "check", str(self.path), **options).returncode != 0:
                self.skipTest(f"{PROGRAM} is not for every user of this machine")
        self.files.chmod(0o500)
        self.addCleanup(self.files.chmod, 0o700)
        result = self.save(NEW, **options)
        self.assertEqual(result.returncode, 3)
        self.assertIn("Permission denied", result.stderr)
        self.assertEqual(self.end(result, "save, the folder may not be written"), OLD)


if __name__ == "__main__":
    outcome = unittest.main(verbosity=2, exit=False).result
    TALLY.print()
    reasons = [f"{test.id().removeprefix('__main__.')}: {reason}" for test, reason in outcome.skipped]
    for reason in reasons:
        print(f"skipped: {reason}")
    TALLY.write(os.environ.get("LARS_FAULTS_RESULTS"), reasons, outcome.wasSuccessful())
    sys.exit(not outcome.wasSuccessful())
