"""Runs optax's own tests that mention lars, which its package has, with liblars.optax.lars in the place of optax.lars."""

import sys

import optax
import pytest
from optax._src import alias, alias_test

import liblars.optax

optax.lars = alias.lars = liblars.optax.lars

if __name__ == "__main__":
    # Complex parameters are not for LARS's norms of layers in liblars.
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "lars and not complex", alias_test.__file__, *sys.argv[1:]]))
