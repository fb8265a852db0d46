"""What a step of an optimizer of PyTorch consists of: its operations, the bytes that they move, and their time."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from contender import Contender, Operation, Profile
from torch.utils._python_dispatch import TorchDispatchMode

STEP = "a step of the optimizer"
# What schemas do not say: of some operations the written operand is not read, and some touch no memory at all.
OVERWRITE = {"copy_", "fill_", "zero_", "_foreach_copy_", "_foreach_zero_"}
TOUCH_NOTHING = {"empty", "empty_like", "empty_strided", "new_empty"}
# Written only with a gradient scale, which there is not (aten/src/ATen/native/cpu/FusedSGDKernel.cpp).
NOT_WRITTEN = {("_fused_sgd_", "grads")}
# A kernel whose schema says nothing: tensors as large as its first that it reads or writes. For the norms w and g; for
# the update w, g and v, of which it writes w and v (csrc/cpu/aten/optimizer/LarsFusedStep.cpp).
PASSES = {"lars_fused_step": 2 + 5}


def tensors_of(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from tensors_of(one)


def bytes_of(value: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(value))


def moved(schema: Any, values: list[Any], result: Any) -> int:
    """The bytes that an operation reads and writes."""
    name = schema.name.split("::")[1]
    if name in PASSES:
        return PASSES[name] * bytes_of(values[0])
    writes = [
        argument.alias_info is not None and argument.alias_info.is_write and (name, argument.name) not in NOT_WRITTEN
        for argument in schema.arguments
    ]
    aliases = [one.alias_info is not None for one in schema.returns]
    if name in TOUCH_NOTHING or (any(aliases) and not any(writes)):  # or is a view of what is there
        return 0
    results = [result] if len(schema.returns) == 1 else list(result or ())
    total = sum(bytes_of(one) for one, alias in zip(results, aliases, strict=True) if not alias)
    for value, written in zip(values, writes, strict=True):
        read = not (written and name in OVERWRITE)
        total += (read + written) * bytes_of(value)
    return total


class Traffic(TorchDispatchMode):
    """Counts the operations that reach kernels, and what they move."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, int] = defaultdict(int)
        self.bytes: dict[str, int] = defaultdict(int)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        schema = func._schema
        if not schema.name.startswith("profiler::"):
            given = [args[i] if i < len(args) else kwargs.get(one.name) for i, one in enumerate(schema.arguments)]
            self.calls[schema.name] += 1
            self.bytes[schema.name] += moved(schema, given, result)
        return result


def outermost(event: Any, wanted: Callable[[str], bool]) -> Iterator[Any]:
    """The wanted operations below an event, but not those that they are made of."""
    for child in event.cpu_children:
        if wanted(child.name):
            yield child
        else:
            yield from outermost(child, wanted)


def times_of(
    contender: Contender, steps: int, wanted: Callable[[str], bool]
) -> tuple[float, dict[str, tuple[int, float]]]:
    """The seconds of a step under the profiler; the calls and seconds of the wanted operations in it, by name."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        for _ in range(steps):
            contender.prepare()
            with torch.profiler.record_function(STEP):
                contender.step()
    calls: dict[str, int] = defaultdict(int)
    microseconds: dict[str, float] = defaultdict(float)
    profiled = [event for event in profiler.events() if event.name == STEP]
    for step in profiled:
        for event in outermost(step, wanted):
            calls[event.name] += 1
            microseconds[event.name] += event.cpu_time_total
    total = sum(step.cpu_time_total for step in profiled)
    times = {name: (count // steps, 1e-6 * microseconds[name] / steps) for name, count in calls.items()}
    return 1e-6 * total / steps, times


def of_operations(contender: Contender, steps: int) -> Profile:
    contender.prepare()
    with Traffic() as traffic:
        contender.step()
    seconds = contender.median_seconds(steps)
    profiled, times = times_of(contender, steps, traffic.calls.__contains__)
    operations = [
        Operation(name, calls, times.get(name, (calls, 0.0))[1], traffic.bytes[name])
        for name, calls in traffic.calls.items()
    ]
    return Profile(seconds, profiled, operations, sum(traffic.bytes.values()), {})


def prepare_inductor() -> None:
    """Its functions are to name themselves to the profiler, and its loops' operands are to be counted, which is done
    only when it compiles anew."""
    import torch._functorch.config
    import torch._inductor.config

    torch._inductor.config.cpp.enable_kernel_profile = True
    torch._inductor.config.fx_graph_cache = False
    torch._functorch.config.enable_autograd_cache = False
    torch._logging.set_logs(inductor_metrics=True)


def of_fused_loops(contender: Contender, steps: int) -> Profile:
    """Inductor puts many loops into a function, and profilers see functions; it says itself what all loops move."""
    from torch._inductor import metrics

    seconds = contender.median_seconds(steps)
    profiled, times = times_of(contender, steps, lambda name: "cpp_fused" in name)
    operations = [
        Operation(f"function {number}", calls, taken, None) for number, (calls, taken) in enumerate(times.values(), 1)
    ]
    facts = {"functions": len(operations), "fused_loops": metrics.generated_kernel_count}
    return Profile(seconds, profiled, operations, metrics.num_bytes_accessed or None, facts)
