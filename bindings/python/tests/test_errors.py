"""Errors as Python knows them: copied, pickled, with the file that they are about; and what an import says and does."""

from __future__ import annotations

import copy
import errno
import os
import pathlib
import pickle
import subprocess
import sys

import pytest
from optimizers import optimizer_of

import liblars

KINDS = sorted((kind for kind in vars(liblars).values() if isinstance(kind, type) and issubclass(kind, liblars.LarsError)), key=str)


@pytest.mark.parametrize("kind", [*KINDS, liblars.LarsError])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_can_be_copied_and_pickled(kind, copied):
    error = kind("LARS_ERR_VALUE", "learning_rate: -1 is not allowed")
    error.add_note("a note")
    if isinstance(error, OSError):
        error.filename = "file"
    twin = copied(error)
    assert type(twin) is kind
    assert (str(twin), twin.status, twin.args, twin.__notes__) == (str(error), error.status, error.args, ["a note"])
    assert getattr(twin, "filename", None) == getattr(error, "filename", None)
    assert getattr(twin, "errno", None) == getattr(error, "errno", None)


def test_errors_of_files_say_which_and_why(tmp_path):
    optimizer = optimizer_of((3,))
    missing = tmp_path / "missing" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        optimizer.load(missing)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(missing))
    assert str(caught.value).startswith("cannot open")
    with pytest.raises(liblars.LarsIOError) as caught:
        optimizer.save(missing)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(missing))
    with pytest.raises(liblars.LarsIOError) as caught:
        optimizer.load(os.fsencode(tmp_path))
    assert caught.value.filename == str(tmp_path)


def imported(**environment):
    """What an import in a process of its own says, with all that it starts told."""
    program = (
        "import sys; sys.addaudithook(lambda event, _: event in ('subprocess.Popen', 'os.posix_spawn') and print('starts'))\n"
        "import liblars; print('done')"
    )
    path = os.pathsep.join([str(pathlib.Path(liblars.__file__).parents[1]), *filter(None, sys.path)])
    command = [sys.executable, "-c", program]
    variables = os.environ | {"PYTHONPATH": path} | environment
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def test_an_import_starts_no_programs():
    assert imported().stdout == "done\n"


def test_another_library_is_named(tmp_path):
    source = tmp_path / "other.c"
    source.write_text('const char* lars_version_string(void) { return "0.0.7"; } unsigned lars_version(void) { return 7; }')
    other = tmp_path / "other.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", other, source], check=True)
    assert f"ImportError: {other}, liblars 0.0.7, has no lars_status_name" in imported(LIBLARS_LIBRARY=str(other)).stderr
    stderr = imported(LIBLARS_LIBRARY="libm.so.6").stderr
    assert "ImportError: libm.so.6, which is no liblars, has no lars_version" in stderr
