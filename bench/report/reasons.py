"""Why a target is missed, where it is: what the measurements of docs/benchmarks.md do not say themselves.

Only the reasons of targets that were missed appear on the page, beside what was measured.
"""

NOISE = (
    "The machine is a virtual one, whose neighbours use the same memory: the quartiles show how much a figure moves "
    "within a run."
)

# Of peers that compose a step of separate operations.
BOUND = (
    "{peer} operations move {bytes} bytes a parameter, a step of liblars 28: a ratio of {ratio} if both run at the speed "
    "of memory, as liblars does (the first target) and, with an allocator that keeps its memory in huge pages, nearly the "
    "peer. Without that allocator (bench/peers/run --allocator default) its temporaries cost page faults besides."
)

REASONS = {
    "ceiling": NOISE,
    "waves": (
        "A tensor must be read whole before its update begins, so one that is larger than the cache gains nothing from "
        "waves: in this model most parameters are in such tensors."
    ),
    "accumulated": NOISE,
    "carried": (
        "The norm of the gradient is still to be formed, and under REFUSE that of every tensor before anything is "
        "written: gradients are read twice, 24 bytes a parameter instead of 20, which is a ratio of 1.2 if all bytes "
        "cost the same; and the sums of the new weights are arithmetic that the plain loop has not. Only where the cache "
        "holds gradients between the passes, as under PROPAGATE, can it be less. lars_step_accumulated, which has its "
        "norms already, is the way to the price of SGD."
    ),
    "carried_waves": (
        "As above; a tensor larger than the cache is read twice under PROPAGATE, too, and most parameters of these models "
        "are in such tensors."
    ),
    "blas": (
        "Seven calls move 60 bytes a parameter, a step 28: a ratio of 2.1 if both run at the speed of memory, which two "
        "threads of OpenBLAS reach on this machine. More is to be had only where memory is faster for its processors "
        "than here, or the model is small enough for the cache."
    ),
    "tiny": NOISE,
    "threads": (
        "One thread already takes most of what memory gives to two: the ratio of the ceilings, on the right, is what "
        "can be had."
    ),
    "flat": NOISE,
    "bindings_model": (
        "Python's step looks at 322 arrays, and PyTorch's optimizers at as many tensors: type, length, where each lies. "
        "Optimizer.bind looks once."
    ),
    "bindings_tiny": (
        "As above: where the language is interpreted, a look at an array costs more than the step of a tiny one. The drop-in "
        "for torch.optim must look, as gradients are new tensors at every step."
    ),
    "checkpoints": (
        "lars_load reads into new memory, which takes the place of the old when all has been checked, and asks for huge pages, "
        "as momentum does. Where the system has them at hand a load is faster than plain reads into ordinary pages; where it "
        "must first put them together, in a memory that is nearly full of the benchmark's own files, it waits for that: hence "
        "the quartiles. A load is made once a run."
    ),
    "memory": (
        "Names, shapes, hyper-parameters and what a step notes of a tensor take as much for a small tensor as for a large "
        "one, and what oneTBB allocates does not grow either: it shows where there are many tensors and few parameters in "
        "each (see Memory)."
    ),
    "timm": BOUND.format(
        peer="timm's",
        bytes="60 (norms 8, decay 12, scaling 8, momentum 20, update 12)",
        ratio="2.1",
    ),
    "timm_foreach": BOUND.format(
        peer="In batches, too, timm's",
        bytes="60",
        ratio="2.1",
    ),
    "timm_compiled": (
        "torch.compile fuses each tensor's norms into one loop and its update into another: the 28 bytes of liblars, and so a "
        "ratio of 1 if both are at the speed of memory. What is left is dispatch."
    ),
    "pytorch_optimizer": BOUND.format(
        peer="pytorch_optimizer's",
        bytes="68 (norms 8, decay 12, scaling 8, momentum 20, a copy 8, update 12)",
        ratio="2.4",
    ),
    "paddle": (
        "Paddle's kernel is fused, too: it moves the same 28 bytes in the same two passes, tensor by tensor, on one thread, "
        "which alone reaches most of the speed that memory has for two (see By threads)."
    ),
    "optax": (
        "XLA fuses the norm of a tensor into one loop and its update into another, which are the same two passes; it is "
        "left with dispatch and its own use of threads to lose. On larger tensors that is less."
    ),
    "ipex": (
        "IPEX's kernel makes the same two passes over the same 28 bytes, fused and vectorised, so that at the speed of memory "
        "the ratio is 1. It goes tensor by tensor and looks for no NaN, as liblars does under PROPAGATE: there the second "
        "pass finds in the last-level cache what the first has read, if the tensor fits. REFUSE, which is timed here, must "
        "know all norms before it writes anything and cannot."
    ),
    "torch_fused_sgd": (
        "It makes one pass where LARS must make two: 20 bytes a parameter against 28, a ratio of 0.71 if both are "
        "at the memory limit, and no tensor's norm is waited for. Beyond that the second pass must find its data in cache; "
        "lars_step_accumulated pays the same 20, and is as fast (see the third target)."
    ),
}
