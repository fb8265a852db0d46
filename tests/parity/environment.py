"""The Python environment of the parity tests: a virtual environment with pinned packages, made once and reused.

Standard library only: this module runs before the environment exists.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENT = REPOSITORY / "build" / "venv" / "parity"
OLDEST_PYTHON = (3, 11)  # the oldest that the pinned packages support


class SetupError(Exception):
    """Something outside the tests is missing; the message says what to do."""


def requirements_digest() -> str:
    """A hash of all that decides the environment's content."""
    content = REQUIREMENTS.read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def run(command: list[str], advice: str) -> None:
    """Runs a command, its output on stderr; a failure becomes a SetupError with advice."""
    try:
        subprocess.run(command, check=True, stdout=sys.stderr, cwd=REPOSITORY)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"{' '.join(command)} failed ({error}).\n{advice}") from error


def create_environment() -> None:
    """Makes the virtual environment anew and installs the pinned packages."""
    print(f"parity: installing the packages of {REQUIREMENTS.relative_to(REPOSITORY)}", file=sys.stderr)
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"cannot make a virtual environment in {ENVIRONMENT} ({error}).\n"
            "On Debian, scripts/setup installs the package python3-venv that this needs."
        ) from error
    python = str(ENVIRONMENT / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(
        [*pip, "--only-binary=:all:", "--requirement", str(REQUIREMENTS)],
        "The pinned packages come from the Python package index: check the network, or set PIP_INDEX_URL to a mirror.",
    )


def enter(script: Path, arguments: list[str]) -> None:
    """Replaces this process by `script`, run by the environment's Python; makes the environment if needed."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise SetupError(f"Python {wanted} or newer is needed; this is {sys.version.split()[0]}.")
    stamp = ENVIRONMENT / "requirements.sha256"
    digest = requirements_digest()
    if not stamp.exists() or stamp.read_text() != digest:
        create_environment()
        stamp.write_text(digest)
    python = str(ENVIRONMENT / "bin" / "python")
    os.execv(python, [python, str(script), *arguments])


def main() -> int:
    """`environment.py SCRIPT ARGUMENT...`: runs a script of this folder in the environment."""
    try:
        enter(HERE / sys.argv[1], sys.argv[2:])
    except SetupError as error:
        print(f"parity: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
