"""The README's first example runs as it stands."""

import pathlib
import re
import subprocess
import sys


def test_first_example():
    readme = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
    program = re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1)
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(r"\d\.\d{6} -?\d\.\d{6}\n", output), output
