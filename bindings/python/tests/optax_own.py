"""Runs optax's own tests that mention lars, which its package has, with liblars.optax.lars in the place of optax.lars."""

import sys
import unittest

import optax
from absl import flags
from optax._src import alias, alias_test

import liblars.optax

optax.lars = alias.lars = liblars.optax.lars


def tests_of_lars() -> unittest.TestSuite:
    """Of a test for every optimizer, the one with lars. Complex parameters are none of liblars's types."""
    suite = unittest.TestSuite()
    for case in vars(alias_test).values():
        if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
            continue
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            parameters = getattr(getattr(case, name), "__x_params_repr__", "")
            if "'lars'" in parameters and "complex" not in parameters:
                suite.addTest(case(name))
    return suite


if __name__ == "__main__":
    flags.FLAGS(sys.argv[:1])
    result = unittest.TextTestRunner(verbosity=1).run(tests_of_lars())
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
