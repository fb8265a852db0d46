"""Why a peer is no slower than it is, from what its step consists of."""

from __future__ import annotations

from typing import Any

from profiles import Profiles
from results import PeerRun

STEP, SGD = 28, 20  # bytes a parameter that a step of LARS moves in its two passes, and one of SGD in its one
SAME = 0.15  # speeds that differ by no more than this part are called the same
MUCH = 0.1  # of a step's time
CARRIES = 0.5  # bytes a parameter; operations with less are on norms and ratios


def times(ratio: float) -> str:
    return f"{ratio:.1f} times"


def counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


# What the packages' sources say of how they go about it, and a profile does not.
KNOWN = {
    "timm": "It forms whole tensors in between, and every operation goes through memory.",
    "timm_foreach": "Whole lists of tensors are given to an operation, which takes them tensor by tensor nevertheless.",
    "timm_compiled": "torch.compile fuses what can be fused: each tensor's norms, and its update.",
    "pytorch_optimizer": "It works in its gradients' memory, operation by operation.",
    "paddle": (
        "Its kernel forms the norms, the new momentum and the new parameters in three passes, tensor by tensor, on one thread "
        "whatever it is given."
    ),
    "optax": (
        "XLA cannot fuse over a sum, so that the decayed gradient and the new momentum go through memory; and each norm is "
        "formed twice, for optax's safe_norm takes it again of a copy of the tensor, which is made for that."
    ),
    "ipex": (
        "Its kernel makes the two passes that a step of liblars makes. It goes tensor by tensor and looks for no NaN, as "
        "liblars does under PROPAGATE: there the second pass finds in the last-level cache what the first has read, if the "
        "tensor fits. REFUSE, which is timed here, must know all norms before it writes anything and cannot."
    ),
    "torch_fused_sgd": (
        "It has no norm to wait for, and makes one pass where LARS must make two. lars_step_accumulated makes one, too (see its "
        "target)."
    ),
    "liblars.torch": "It is liblars, called by a torch.optim.Optimizer that looks at all tensors at every step.",
    "liblars_propagate": "It is liblars under the policy PROPAGATE.",
}


class PeerReasons:
    """Over one run of bench/peers and the profiles, of which there may be none."""

    def __init__(self, peers: PeerRun, threads: int, profiles: Profiles):
        self.peers, self.threads, self.profiles = peers, threads, profiles

    def reason(self, contender: str) -> str:
        known = KNOWN[contender]
        row = self.profiles.of(contender)
        if row is None:
            why = self.profiles.not_run.get(contender)
            return f"{known} There is no profile of it{f': {why}' if why else ''}."
        sentences = [
            known,
            self.operations(row),
            self.facts(row),
            self.bytes_alone(contender, row),
            self.system_allocator(contender),
        ]
        return " ".join(sentence for sentence in sentences if sentence)

    def operations(self, row: dict[str, Any]) -> str:
        """How many there are, and which of them carry the bytes."""
        carriers = [one for one in row["operations"] if (one["bytes_a_parameter"] or 0.0) >= CARRIES]
        carriers.sort(key=lambda one: -one["bytes_a_parameter"])
        moved = ", ".join(f"{one['name'].split('::')[-1]} {one['bytes_a_parameter']:.0f}" for one in carriers)
        text = f"In the profile a step of {self.profiles.model} is {counted(row['operations_a_step'], 'operation')}"
        if row["bytes_a_parameter"] is None:
            return f"{text}; how many bytes they move is not known."
        verb = "moves" if row["operations_a_step"] == 1 else "move"
        return f"{text}, which {verb} {row['bytes_a_parameter']:.0f} bytes a parameter{f' ({moved})' if len(carriers) > 1 else ''}."

    def facts(self, row: dict[str, Any]) -> str:
        """What the profilers of single packages say besides."""
        facts = row["facts"]
        if "fused_loops" in facts:
            return f"It has {facts['fused_loops']} fused loops in {counted(facts['functions'], 'compiled function')}."
        if "in_parts" in facts:
            summing = sum(one["calls"] for one in row["operations"] if one["name"] in facts["reducing"])
            return (
                f"{summing} of them sum, apart from those that update; {facts['in_parts']} are made to be divided among threads; "
                f"temporaries take {facts['temporary_bytes'] / 4 / row['parameters']:.1f} times the parameters' memory."
            )
        return ""

    def ratio(self, contender: str) -> tuple[float, str] | None:
        """Time over that of liblars, of the profiled model: from the rounds if it is there, else from the profiles."""
        model = self.profiles.model
        ratios = self.peers.ratios(contender, self.threads)
        if model in ratios:
            return ratios[model].median, "measured"
        ours, row = self.profiles.of("liblars"), self.profiles.of(contender)
        return (row["seconds"] / ours["seconds"], "in the profiles") if ours and row else None

    def bytes_alone(self, contender: str, row: dict[str, Any]) -> str:
        """How much of the ratio of times is that of bytes, and how much that of speeds."""
        moved, found = row["bytes_a_parameter"], self.ratio(contender)
        if moved is None or found is None:
            return ""
        ratio, where = found
        speed = ratio / (moved / STEP)  # of liblars over the peer's, in bytes a second
        text = f"By bytes alone its time would be {moved / STEP:.2f} of that of liblars, which moves {STEP}; {where}: {ratio:.2f}."
        if abs(speed - 1.0) <= SAME:
            return " ".join([text, "Over the whole step both go at about the same speed.", *self.outside(row)])
        if speed < 1.0:
            return f"{text} A byte takes it {speed:.2f} of the time: some come from a cache, where an operation before has left them."
        return " ".join([text, f"A byte takes it {speed:.2f} times as long.", *self.outside(row), *self.slow(row)])

    def system_allocator(self, contender: str) -> str:
        model = self.profiles.model or ""
        usual, of_system = (
            self.peers.ratios(contender, self.threads, name).get(model) for name in ("tuned", "default")
        )
        if usual is None or of_system is None or of_system.median <= (1.0 + SAME) * usual.median:
            return ""
        return (
            f"With the system's allocator instead of one that keeps its memory the ratio is {of_system.median:.2f}: its "
            "temporaries are in pages that the system must clear first."
        )

    @staticmethod
    def outside(row: dict[str, Any]) -> list[str]:
        if row["share_outside"] < MUCH:
            return []
        return [
            f"{100 * row['share_outside']:.0f} % of its time is outside of operations: Python, dispatch and allocation."
        ]

    def slow(self, row: dict[str, Any]) -> list[str]:
        """The operations that take much of the time and move their bytes more slowly than liblars does."""
        ours = self.profiles.speed("liblars")
        if ours is None:
            return []
        slow = [
            f"{one['name'].split('::')[-1]} at {one['gigabytes_a_second']:.0f} GB/s, {100 * one['share']:.0f} % of the time"
            for one in row["operations"]
            if one["share"] >= MUCH and one["gigabytes_a_second"] and one["gigabytes_a_second"] < (1.0 - SAME) * ours
        ]
        return [f"Slower than liblars, which moves {ours:.0f} GB/s there: {'; '.join(slow)}."] if slow else []
