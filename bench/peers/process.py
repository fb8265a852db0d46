"""A worker process and its surroundings, as the parent sees them."""

import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
from contenders import Contender

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent.parent / "scripts"))

import environments  # noqa: E402  it is in that folder

WORKER = HERE / "workers" / "worker.py"
FOLDER = environments.BUILD / "peers"
LOGS = FOLDER / "logs"
BINDING = environments.REPOSITORY / "bindings" / "python" / "src"
# What tunes numerical libraries from outside. Some of it slows one contender (a BLAS told to use an older processor's
# kernels, for one), so that none of it reaches any.
TUNING = (
    "BLIS_",
    "FLAGS_",
    "GOMP_",
    "GOTO_",
    "JAX_",
    "KMP_",
    "LARS_",
    "MKL_",
    "NVPL_",
    "NUMEXPR_",
    "OMP_",
    "OPENBLAS_",
)
TUNING += ("PYTORCH_", "TORCH", "XLA_", "GLIBC_TUNABLES", "LD_PRELOAD", "MALLOC_", "THP_")
# A step that allocates temporaries gets fresh pages from the system each time, unless the allocator keeps them; that
# can cost more than the step's arithmetic. "tuned" is what performance guides advise, by glibc's own means: memory is
# kept, and in huge pages. "default" is what a user has who sets nothing; then NumPy must not ask for huge pages for
# its arrays either, or those whose tensors lie in them would have what the others have not.
ALLOCATORS = {
    "tuned": {
        "GLIBC_TUNABLES": "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1"
        ":glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=1099511627776"
    },
    "default": {"NUMPY_MADVISE_HUGEPAGE": "0"},
}
ANSWER_SECONDS = 1800  # torch.compile of a large model takes minutes


class WorkerFailure(Exception):
    """A contender that cannot be run; the message is the reason."""


class WorkerKilled(WorkerFailure):
    """A contender whose process was killed from outside."""


class LiblarsFailure(Exception):
    """liblars cannot be run: without the measure, there is nothing to go on with."""


def tuning_variables() -> dict[str, str]:
    """Those that the caller's environment sets."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(TUNING)}


@dataclass(frozen=True)
class Surroundings:
    """What all workers of a measurement have in common."""

    threads: int
    allocator: str
    library: Path
    kernels: str

    def chosen(self) -> dict[str, str]:
        """Variables that bear on speed. How threads wait is left at each library's default, which users have."""
        sizes = {name: str(self.threads) for name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        return sizes | ALLOCATORS[self.allocator]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in tuning_variables()}
        return (
            kept
            | self.chosen()
            | {
                "LARS_KERNELS": self.kernels,
                "LARS_NUM_THREADS": str(self.threads),
                "LIBLARS_LIBRARY": str(self.library),
                "PYTHONPATH": str(BINDING),
                "JAX_PLATFORMS": "cpu",
                "TORCHINDUCTOR_CACHE_DIR": str(FOLDER / "inductor"),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
        )


class WorkerProcess:
    """A contender's process; use as a context. Sleeps while it is not asked."""

    def __init__(self, contender: Contender, surroundings: Surroundings) -> None:
        try:
            python = environments.python_of(contender.environment, contender.requirements)
        except environments.EnvironmentFailure as error:
            raise WorkerFailure(str(error)) from error
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{contender.name}.log"
        command = [str(python), str(WORKER), *contender.worker, str(surroundings.threads)]
        self.kills_before = machine.memory_kills()
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [*command, json.dumps(contender.options)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=surroundings.environment(),
            )

    def __enter__(self) -> "WorkerProcess":
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Lets the process end; after a failure, makes it."""
        if self.process.stdin is not None:
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Sends a command and waits for its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"command": command, **arguments}).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise self.ended() from error
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            self.process.kill()
            raise WorkerFailure(f"no answer to {command} in {ANSWER_SECONDS} s")
        line = self.process.stdout.readline()
        if not line:
            raise self.ended()
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerFailure(answer["error"])
        return answer["ok"]

    def ended(self) -> WorkerFailure:
        """Why the process is no more: what is known of it, and what is not."""
        status = self.process.wait()
        if status != -signal.SIGKILL:
            return WorkerFailure(f"ended with status {status}: {environments.last_line(self.log.read_text())}")
        if machine.memory_kills() > self.kills_before:
            cause = "the system has killed a process for want of memory meanwhile: this one, we guess"
        else:
            cause = "by whom is not known: the system has killed none for want of memory meanwhile"
        return WorkerKilled(f"killed by signal {signal.SIGKILL.value}; {cause}")
