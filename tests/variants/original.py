"""What a piece of code must offer to be stepped beside liblars, and what a run is given."""

import dataclasses
import importlib
import importlib.metadata
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

Arrays = list[np.ndarray]

NEITHER = {"weight_decay_mask": 0.0, "trust_ratio_mask": 0.0}  # neither decayed nor adapted


@dataclasses.dataclass(frozen=True)
class Configuration:
    """Every original takes what it has of these. All are numbers of binary32: some frameworks store no more."""

    learning_rate: float
    weight_decay: float = 0.0
    trust_coefficient: float = 0.001
    eps: float = 0.0
    momentum: float = 0.9
    dampening: float = 0.0
    nesterov: bool = False
    excludes: bool = False  # tensors of one dimension
    batched: bool = False  # many tensors in one call, where the original has both


class Original:
    """Code that steps parameters which it holds itself, and how liblars takes the same steps."""

    title: ClassVar[str]  # as in the table of docs/variants.md
    package: ClassVar[str] = ""  # whose version is in that table; "" for a formula
    of_files: ClassVar[bool] = False  # of requirements/files.txt
    source: ClassVar[str] = ""  # of a formula: file or function

    theirs: ClassVar[str] = ""  # settings of theirs that it needs, for that table
    without: ClassVar[str] = ""  # what was left out of the comparison because they differ, for that table
    variant: ClassVar[str]  # of liblars
    settings: ClassVar[dict[str, float]] = {}  # further keys of liblars
    excluded: ClassVar[dict[str, float]] = NEITHER  # keys of liblars for what it excludes

    # Of "eps", "dampening", "nesterov", "exclusion", "batches", "no decay": it adapts without weight decay, too.
    takes: ClassVar[frozenset[str]] = frozenset()
    momenta: ClassVar[tuple[float, ...]] = (0.0, 0.5, 0.9)
    always_nesterov: ClassVar[bool] = False
    always_excludes: ClassVar[bool] = False
    agrees_at_zero_gradient: ClassVar[bool] = True
    agrees_at_zero_weight: ClassVar[bool] = True
    configurations: ClassVar[int] = 16
    tolerance: ClassVar[float] = 1e-13  # of binary64, relative to a tensor's largest element so far

    def __init__(self, parameters: Arrays, configuration: Configuration):
        raise NotImplementedError

    def step(self, gradients: Arrays, learning_rate: float) -> None:
        raise NotImplementedError

    def values(self) -> Arrays:
        raise NotImplementedError


# ---- Packages whose dependencies are too old: their files alone ------------------------------------------


def files() -> pathlib.Path:
    """The folder into which the packages of requirements/files.txt were unpacked."""
    return pathlib.Path(os.environ.get("LARS_VARIANT_FILES", "not given"))


def version_of(original: type[Original]) -> str:
    if not original.of_files:
        return importlib.metadata.version(original.package) if original.package else ""
    for distribution in importlib.metadata.distributions(name=original.package, path=[str(files())]):
        return distribution.version
    raise ImportError(f"{original.package} was not installed")


def load_file(path: str, stand_ins: dict[str, ModuleType] | None = None) -> ModuleType:
    """One Python file of those packages, without the package around it."""
    file = files() / path
    if not file.is_file():
        raise ImportError(f"{path} was not installed")
    specification = importlib.util.spec_from_file_location(file.parent.name + "_" + file.stem, file)
    module = importlib.util.module_from_spec(specification)
    stand_ins = dict(stand_ins or {})
    for name in list(stand_ins):  # and the packages they are in
        while name := name.rpartition(".")[0]:
            stand_ins.setdefault(name, ModuleType(name))
    with replaced_modules(stand_ins):
        specification.loader.exec_module(module)
    return module


def load_package(module: str) -> ModuleType:
    """A module of an old version of a package of which the environment has a new one."""
    package = module.partition(".")[0]
    if not (files() / package).is_dir():
        raise ImportError(f"{package} was not installed")
    own = [name for name in sys.modules if name.partition(".")[0] == package]
    with replaced_modules(dict.fromkeys(own)):
        for name in own:
            del sys.modules[name]
        sys.path.insert(0, str(files()))
        try:
            return importlib.import_module(module)
        finally:
            sys.path.remove(str(files()))
            for name in [name for name in sys.modules if name.partition(".")[0] == package]:
                del sys.modules[name]


@contextmanager
def replaced_modules(modules: dict[str, Any]) -> Iterator[None]:
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
