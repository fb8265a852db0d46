"""Writes docs/benchmarks.md, its pictures and the README's table from what scripts/bench measured.

    benchmarks_page.py --results build/bench/results --page docs/benchmarks.md --images docs/images --readme README.md
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import sys
import textwrap

import benchmarks_pictures as pictures
import reasons
from bindings import BindingRun
from checkpoints import CheckpointRuns
from results import PeerRun, StepRun
from targets import Finding, Targets, figure

HERE = pathlib.Path(__file__).parent

MODELS = ("resnet50", "alexnet", "vgg16", "vit_b_16", "gpt2", "bert_large")
CONTENDERS = ("lars", "lars, PROPAGATE", "lars, accumulated", "last accumulate", "lars, norms carried",
              "momentum-SGD loop", "reference kernels", "blas kernels", "OpenBLAS calls", "plain C loops")
README_MARKS = ("<!-- speed: written by scripts/bench -->", "<!-- end of speed -->")


def cache_bytes(peers: PeerRun) -> int:
    size = peers.data["machine"]["caches"]["level 3"]
    units = {"K": 1024, "M": 1024**2}
    return int(size[:-1]) * units[size[-1]] if size[-1] in units else 32 * 1024**2


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def paragraph(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), width=110, break_long_words=False, break_on_hyphens=False)


def threads_of(contender: str, threads: int) -> int:
    return 1 if contender == "plain C loops" else threads


def machine_text(step: StepRun, peers: PeerRun, openblas: str) -> str:
    facts = peers.data["machine"]
    caches = ", ".join(f"{name} {size}" for name, size in facts["caches"].items())
    unset = peers.data["environment"]["unset"]
    text = f"""Machine: {facts['cpu']}, {facts['processors']} processors, caches: {caches}, {facts['memory']} of memory,
        Linux {facts['kernel']}; a virtual machine whose host has other guests, so that absolute figures vary from hour to
        hour while ratios within a run hold. Kernels: {step.context['kernels']}. Threads: up to {facts['processors']}, not
        pinned. Huge pages: the system's setting is `{facts['transparent_huge_pages']}`; parameters and gradients are
        ordinary memory, the library's momentum asks for huge pages. Environment variables set on the machine, and unset for
        these runs: {', '.join(f'{name}={value}' for name, value in unset.items()) or 'none'}. liblars
        {step.context['liblars']}, OpenBLAS {openblas}, Python {facts['python']}; measured on {peers.data['date'][:10]}."""
    return paragraph(text)


def versions(peers: PeerRun) -> str:
    found: set[tuple[str, str]] = set()
    for row in peers.rows:
        of_it = {name: text for name, text in row.get("about", {}).items() if name not in ("liblars", "kernels", "threads in use")}
        for name, version in of_it.items():
            with_ = " (for IPEX)" if name == "torch" and "intel_extension_for_pytorch" in of_it else ""
            found.add((name, f"{version}{with_}"))
    return ", ".join(f"{name} {version}" for name, version in sorted(found))


def ceiling_table(steps: list[StepRun], threads: int) -> str:
    names = ("lars", "lars, PROPAGATE")
    head = ["model", "parameters", "tensors", "pass 1, GB/s", "pass 2, GB/s", *(f"{name}: share" for name in names)]
    rows = []
    for run in steps:
        speeds = [bytes_ / run.ns_per_parameter(f"ceiling of pass {number}", threads) for number, bytes_ in ((1, 8), (2, 20))]
        shares = [figure(run.share_of_ceiling(name, threads)) for name in names]
        rows.append([run.model, f"{run.parameters:,}".replace(",", " "), str(run.tensors), *(f"{x:.1f}" for x in speeds), *shares])
    return table(head, rows)


def model_table(steps: list[StepRun], threads: int) -> str:
    rows = []
    for name in CONTENDERS:
        rows.append([name, *(f"{run.ns_per_parameter(name, threads_of(name, threads)):.3f}" for run in steps)])
    return table(["ns per parameter", *(run.model for run in steps)], rows)


def peer_table(peers: PeerRun, threads: int) -> str:
    models = peers.models()
    rows = []
    for contender, title in peers.titles.items():
        ratios = peers.ratios(contender, threads)
        if ratios and contender != "liblars":
            rows.append([title, *(figure(ratios[model]) if model in ratios else "not run" for model in models)])
    return table([f"time / time of liblars, {threads} thread{'s' if threads > 1 else ''}", *models], rows)


def not_run(peers: PeerRun) -> str:
    reasons_: dict[str, str] = {}
    for row in [*peers.data["agreement"], *peers.rows]:
        if "not_run" in row:
            where = f", {row['model']}, threads {row['threads']}" if "model" in row else ""
            reasons_[peers.titles[row["contender"]] + where] = row["not_run"]
    if not reasons_:
        return "All peers ran."
    return "\n".join(["Not run:", "", *(f"- {title}: {reason}" for title, reason in reasons_.items())])


def agreement(peers: PeerRun) -> str:
    worst = {}
    for row in peers.data["agreement"]:
        if "not_run" not in row:
            title = peers.titles[row["contender"]]
            worst[title] = max(worst.get(title, 0.0), row["max_relative_error"])
    text = "; ".join(f"{title} {error:.1e}" for title, error in worst.items())
    return paragraph(f"Agreement before timing, the largest difference of a tensor's change over the largest change: {text}. "
                     f"Versions: {versions(peers)}.")


def size_table(runs: list[StepRun], threads: int) -> str:
    names = [name for name in ("lars", "momentum-SGD loop", "plain C loops")]
    rows = []
    for run in runs:
        cells = []
        for name in names:
            count = threads_of(name, threads)
            cells.append(f"{run.ns_per_parameter(name, count):.3f}" if run.has(name, count) else "–")
        rows.append([f"{run.parameters:,}".replace(",", " "), *cells])
    return table(["parameters", *(f"{name}, ns per parameter" for name in names)], rows)


def thread_table(steps: list[StepRun]) -> str:
    counts = steps[0].threads()
    rows = []
    for name in ("lars", "lars, PROPAGATE", "lars, accumulated", "ceiling of pass 1", "ceiling of pass 2"):
        for count in counts:
            rows.append([f"{name}, {count} thread{'s' if count > 1 else ''}",
                         *(f"{run.ns_per_parameter(name, count):.3f}" for run in steps)])
    return table(["ns per parameter", *(run.model for run in steps)], rows)


def tiny_text(run: StepRun) -> str:
    rows = []
    for name in ("lars", "lars, PROPAGATE", "lars, accumulated", "plain C loops", "OpenBLAS calls"):
        cells = [f"{1e9 * run.median(name, count) / run.tensors:.0f}" if run.has(name, count) else "–" for count in run.threads()]
        rows.append([name, *cells])
    head = ["ns per tensor", *(f"{count} thread{'s' if count > 1 else ''}" for count in run.threads())]
    return f"{run.tensors} tensors of 64 to 255 elements, {run.parameters} in all: what a step costs besides memory.\n\n{table(head, rows)}"


def memory_text(steps: list[StepRun]) -> str:
    rows = [[run.model, f"{4 * run.parameters / 2**20:.1f}", f"{int(run.context['library_bytes']) / 2**20:.1f}",
             f"{100 * (int(run.context['library_bytes']) / (4 * run.parameters) - 1):.3f} %"] for run in steps]
    return table(["model", "momentum, MiB", "all that the library holds, MiB", "more than the momentum"], rows)


def missed_text(findings: list[Finding]) -> str:
    missed = [finding for finding in findings if not finding.met]
    if not missed:
        return ""
    blocks = [paragraph(f"**{finding.what}** ({finding.target}; measured: {finding.measured}). {reasons.REASONS[finding.key]}")
              for finding in missed]
    return "\n\n".join(["What was missed, and why:", *blocks])


def readme_text(steps: list[StepRun], peers: PeerRun, threads: int, images: str, page: str) -> str:
    resnet = steps[0]
    rows = []
    for contender, title in peers.titles.items():
        ratios = peers.ratios(contender, threads)
        if contender == "liblars":
            rows.append(["**liblars**", *("1" for _ in peers.models())])
        elif ratios:
            rows.append([title, *(f"{ratios[model].median:.1f}" if model in ratios else "–" for model in peers.models())])
    share = resnet.share_of_ceiling("lars", threads)
    text = paragraph(f"""One step of a {resnet.model} takes {1e3 * resnet.median('lars', threads):.1f} ms on {threads} threads of
        this machine, {100 * share.median:.0f} % of the speed at which its memory can move the bytes. Time of a step as a
        multiple of liblars's, {threads} threads, median of interleaved rounds:""")
    body = table(["time / time of liblars", *peers.models()], rows)
    return f"{text}\n\n{body}\n\n![Time of a step over that of liblars]({images}/benchmarks-peers.svg)\n\n[{page}]({page}) has the rest."


def write_readme(readme: pathlib.Path, text: str) -> None:
    begin, end = README_MARKS
    content = readme.read_text()
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(content):
        sys.exit(f"benchmarks_page: {readme} has no marks {begin} and {end}")
    readme.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", content))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("results", "page", "images", "readme"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--openblas", required=True, help="its version")
    arguments = parser.parse_args()

    steps = {run.model: run for run in map(StepRun, sorted(arguments.results.glob("step-*")))}
    peers = PeerRun(arguments.results / "peers.json")
    models = [steps[name] for name in MODELS]
    threads = max(models[0].threads())
    targets = Targets(steps, peers, threads, cache_bytes(peers))
    checkpoints = CheckpointRuns(arguments.results)
    bindings = BindingRun(arguments.results / "bindings.json")
    findings = targets.findings() + checkpoints.findings() + bindings.findings()
    images = arguments.images
    images.mkdir(parents=True, exist_ok=True)

    pictures.shares(models, ["lars", "lars, PROPAGATE"], threads, images / "benchmarks-ceiling.svg")
    pictures.by_model(models, ["lars", "lars, PROPAGATE", "lars, accumulated", "momentum-SGD loop", "blas kernels",
                               "OpenBLAS calls"], threads, images / "benchmarks-models.svg")
    pictures.peers(peers, threads, images / "benchmarks-peers.svg")
    pictures.by_size(targets.sizes(), ["lars", "momentum-SGD loop"], threads, images / "benchmarks-sizes.svg")
    pictures.by_threads(models, images / "benchmarks-threads.svg")

    met = sum(finding.met for finding in findings)
    page = (HERE / "benchmarks_page.md").read_text().format(
        repetitions=min(run.repetitions() for run in models),
        machine=machine_text(models[0], peers, arguments.openblas),
        verdict=f"{met} of {len(findings)} are met.",
        targets="\n".join(["| what | target | measured, median (quartiles) | met |", "|---|---|---|---|", *(one.row() for one in findings)]),
        missed=missed_text(findings),
        ceiling=ceiling_table([*models, *(steps[name] for name in steps if name.startswith("even:") and steps[name].has("ceiling of pass 1", threads))], threads),
        models=model_table(models, threads),
        sources=paragraph("Shapes: " + "; ".join(f"{run.model}: {run.context['source']}" for run in models) + "."),
        peers="\n\n".join(peer_table(peers, count) for count in sorted(peers.threads(), reverse=True)),
        agreement=agreement(peers),
        not_run=not_run(peers),
        sizes=size_table(targets.sizes(), threads) + largest_text(steps, threads),
        by_threads=thread_table(models),
        tiny=tiny_text(steps["small"]),
        memory=memory_text(models),
        checkpoints=table(checkpoints.HEAD, checkpoints.rows()),
        bindings=table(bindings.HEAD, bindings.rows()),
        bindings_date=bindings.date,
        threads=threads,
        images=os.path.relpath(images, arguments.page.parent),
    )
    arguments.page.write_text(re.sub(r"\n{3,}", "\n\n", page))
    relative = [os.path.relpath(path, arguments.readme.parent) for path in (images, arguments.page)]
    write_readme(arguments.readme, readme_text(models, peers, threads, *relative))
    print(f"{arguments.page}: {met} of {len(findings)} targets met")


def largest_text(steps: dict[str, StepRun], threads: int) -> str:
    largest = max((run for name, run in steps.items() if name.startswith("even:")), key=lambda run: run.parameters, default=None)
    if largest is None:
        return ""
    return "\n\n" + paragraph(f"""In {largest.tensors} tensors, {largest.parameters:.3g} parameters in all:
        {largest.ns_per_parameter('lars', threads):.3f} ns per parameter.""")


if __name__ == "__main__":
    main()
