"""The Python environment of the parity tests, build/venv/parity, made once and reused.

Standard library only: this module runs before the environment exists.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"
sys.path.append(str(REPOSITORY / "scripts"))

from environments import EnvironmentFailure, python_of  # noqa: E402  it is in that folder


class SetupError(Exception):
    """Something outside the tests is missing; the message says what to do."""


def enter(script: Path, arguments: list[str]) -> None:
    """Replaces this process by `script`, run by the environment's Python; makes the environment if needed."""
    try:
        python = str(python_of("venv/parity", REQUIREMENTS))
    except EnvironmentFailure as error:
        raise SetupError(str(error)) from error
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
