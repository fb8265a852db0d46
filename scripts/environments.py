#!/usr/bin/env python3
"""Virtual environments with pinned packages, made when missing or when what they are made from has changed.

    scripts/environments.py NAME REQUIREMENTS

prints the path of the Python of build/NAME, in which the packages of the file are installed. Programs in Python import
this module instead. Standard library only: it runs before any environment exists.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BUILD = REPOSITORY / "build"
OLDEST_PYTHON = (3, 11)  # the oldest that the pinned packages support


class EnvironmentFailure(Exception):
    """An environment that cannot be made; the message says why, and what can be done."""


def files_of(requirements: Path) -> list[Path]:
    """The file, and those that it includes by "-r FILE"."""
    included = [line.split()[1] for line in requirements.read_text().splitlines() if line.startswith("-r ")]
    return [requirements, *(file for name in included for file in files_of(requirements.parent / name))]


def digest_of(requirements: Path) -> str:
    """A hash of all that decides the environment's content."""
    content = b"".join(file.read_bytes() for file in files_of(requirements))
    return hashlib.sha256(content + sys.version.encode()).hexdigest()


def last_line(text: str) -> str:
    """The last line that says something: that is where pip and Python put the reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def create(folder: Path) -> None:
    try:
        venv.create(folder, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise EnvironmentFailure(
            f"cannot make a virtual environment in {folder} ({error}); on Debian it needs the package python3-venv"
        ) from error


def install(folder: Path, requirements: Path) -> None:
    """Installs the pinned packages as wheels: nothing is compiled, and nothing but what the file says is chosen."""
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--requirement", str(requirements)]
    result = subprocess.run(command, stdout=sys.stderr, stderr=subprocess.PIPE, text=True, check=False)
    sys.stderr.write(result.stderr)
    if result.returncode != 0:
        raise EnvironmentFailure(
            f"pip: {last_line(result.stderr)} (the packages come from the Python package index: check the network, or"
            " set PIP_INDEX_URL to a mirror)"
        )


def python_of(name: str, requirements: Path) -> Path:
    """The Python of the environment build/NAME, made first if need be."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise EnvironmentFailure(f"Python {wanted} or newer is needed; this is {sys.version.split()[0]}")
    folder = BUILD / name
    stamp = folder / "requirements.sha256"
    digest = digest_of(requirements)
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"environments: installing the packages of {os.path.relpath(requirements, REPOSITORY)}", file=sys.stderr)
        create(folder)
        install(folder, requirements)
        stamp.write_text(digest)  # last: the environment is whole
    return folder / "bin" / "python"


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        print(python_of(sys.argv[1], Path(sys.argv[2])))
    except (EnvironmentFailure, OSError) as error:
        print(f"environments: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
