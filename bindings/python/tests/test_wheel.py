"""What the wheel is, and what it has besides the code: the installed package's own description of itself."""

from __future__ import annotations

import importlib.metadata
import re


def files():
    return [str(path) for path in importlib.metadata.distribution("liblars").files]


def test_the_wheel_is_for_any_python_and_the_glibc_of_its_tag():
    tags = re.findall("^Tag: (.*)$", importlib.metadata.distribution("liblars").read_text("WHEEL"), re.MULTILINE)
    assert tags
    assert all(re.fullmatch(r"py3-none-manylinux_2_\d+_(x86_64|aarch64)", tag) for tag in tags), tags


def test_every_library_in_the_wheel_comes_with_its_licence():
    licences = [path.rpartition("/")[2] for path in files() if ".dist-info/licenses/" in path]
    assert "LICENSE" in licences
    grafted = [re.match(r"liblars\.libs/(lib[a-z]+)-", path) for path in files() if path.startswith("liblars.libs/")]
    for library in grafted:
        assert any(re.fullmatch(rf"{library[1]}\d*\.txt", licence) for licence in licences), f"no licence of {library[1]}"


def test_type_checkers_may_read_the_package():
    assert "liblars/py.typed" in files()
