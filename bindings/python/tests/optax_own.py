"""Runs optax's own tests that mention lars, which its package has, with liblars.optax.lars in the place of optax.lars."""

import sys
import unittest

import jax
import optax
from absl import flags
from optax._src import alias, alias_test

import liblars.optax

optax.lars = alias.lars = liblars.optax.lars

from optax._src import sharding_test  # noqa: E402: it makes its optimizers when imported


class _OfVersion:
    """JAX for sharding_test, which compares versions as texts: 0.10 is below 0.7 so, and its tests would be skipped."""

    __version__ = "0.9.9"

    def __getattr__(self, name: str) -> object:
        return getattr(jax, name)


sharding_test.jax = _OfVersion()


def tests_of_lars() -> unittest.TestSuite:
    """Of a test for every optimizer, the one with lars."""
    suite = unittest.TestSuite()
    for case in (*vars(alias_test).values(), *vars(sharding_test).values()):
        if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
            continue
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            parameters = getattr(getattr(case, name), "__x_params_repr__", "")
            if "'lars'" in parameters or name.endswith("lars"):
                suite.addTest(case(name))
    return suite


if __name__ == "__main__":
    flags.FLAGS(sys.argv[:1])
    result = unittest.TextTestRunner(verbosity=1).run(tests_of_lars())
    sys.exit(0 if result.wasSuccessful() and result.testsRun and not result.skipped else 1)
