"""Why a target is missed, where it is: what the measurements of docs/benchmarks.md do not say themselves.

Only the reasons of targets that were missed appear on the page, beside what was measured.
"""

NOISE = (
    "The machine is a virtual one, whose neighbours use the same memory: the quartiles show how much a figure moves "
    "within a run."
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
    "memory": "The tables of segments and hyper-parameters do not grow with the tensors, and show on small models.",
    "timm": NOISE,
    "timm_foreach": NOISE,
    "timm_compiled": (
        "torch.compile fuses the update of all tensors into few loops, and an allocator that keeps memory in huge pages "
        "spares it most of what its temporaries cost; it still moves more bytes."
    ),
    "pytorch_optimizer": NOISE,
    "paddle": NOISE,
    "optax": (
        "XLA fuses the norm of a tensor into one loop and its update into another, which are the same two passes; it is "
        "left with dispatch and its own use of threads to lose."
    ),
    "ipex": (
        "IPEX fuses the norm and the update of a tensor, in two passes for the same bytes, and is bound by the same "
        "memory; what it loses it loses between tensors, so the gap closes as tensors grow."
    ),
    "torch_fused_sgd": (
        "It makes one pass where LARS must make two: 20 bytes a parameter against 28, a ratio of 0.71 if both are "
        "at the memory limit. Beyond that the second pass must find its data in cache; lars_step_accumulated pays "
        "the same 20."
    ),
}
