"""Virtual environments with pinned packages, one a requirements file, made once and reused.

Standard library only: this module runs before any of them exists.
"""

import hashlib
import subprocess
import sys
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FOLDER = REPOSITORY / "build" / "peers"
OLDEST_PYTHON = (3, 11)  # the oldest that the pinned packages support


class EnvironmentFailure(Exception):
    """An environment that cannot be made; the message says why."""


def digest_of(requirements: Path) -> str:
    """A hash of all that decides the environment's content."""
    return hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()


def last_line(text: str) -> str:
    """The last line that says something: that is where pip and Python put the reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def install(folder: Path, requirements: Path) -> None:
    """Installs the pinned packages as wheels: nothing is compiled, and nothing but what the file says is chosen."""
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--requirement", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    sys.stderr.write(result.stderr)
    if result.returncode != 0:
        raise EnvironmentFailure(f"pip: {last_line(result.stderr)}")


def python_of(name: str, requirements: Path) -> Path:
    """The Python of the environment `name`, made first if it is not there or its requirements have changed."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise EnvironmentFailure(f"Python {wanted} or newer is needed; this is {sys.version.split()[0]}.")
    folder = FOLDER / name
    stamp = folder / "requirements.sha256"
    digest = digest_of(requirements)
    if not stamp.exists() or stamp.read_text() != digest:
        print(f"peers: installing the packages of {requirements.relative_to(REPOSITORY)}", file=sys.stderr)
        try:
            venv.create(folder, clear=True, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise EnvironmentFailure(f"cannot make the virtual environment {name}: {error}") from error
        install(folder, requirements)
        stamp.write_text(digest)
    return folder / "bin" / "python"
