"""Writes docs/benchmarks.md, its pictures and the README's table from what scripts/bench measured.

    benchmarks_page.py --results build/bench --page docs/benchmarks.md --images docs/images --readme README.md --openblas 0.3.21
"""

from __future__ import annotations

import argparse
import os
import pathlib
import re
import sys
from dataclasses import dataclass

import benchmarks_pictures as pictures
import profiles
import provenance
import reasons
import tables
from bindings import BindingRun
from checkpoints import CheckpointRuns
from results import FEW_ROUNDS, MODELS, PeerRun, StepRun, step_runs
from tables import paragraph, table
from targets import Finding, Targets, score

HERE = pathlib.Path(__file__).parent
TARGETS_HEAD = ("| what | target | measured, median (quartiles) | met |", "|---|---|---|---|")
README_MARKS = ("<!-- speed: written by scripts/bench -->", "<!-- end of speed -->")


@dataclass
class Results:
    """All that was measured."""

    folder: pathlib.Path
    steps: dict[str, StepRun]
    peers: PeerRun
    checkpoints: CheckpointRuns
    bindings: BindingRun

    @staticmethod
    def of(folder: pathlib.Path) -> Results:
        results = Results(folder, step_runs(folder), PeerRun(folder / "peers.json"), CheckpointRuns(folder),
                          BindingRun(folder / "bindings.json"))  # fmt: skip
        every_run = [*(run.origin for run in results.steps.values()), *results.checkpoints.origins()]
        provenance.check([*every_run, *results.origins()])
        return results

    @property
    def models(self) -> list[StepRun]:
        return [self.steps[name] for name in MODELS]

    @property
    def threads(self) -> int:
        return max(self.models[0].threads())

    @property
    def profiles(self) -> pathlib.Path:
        """The file, which need not be there."""
        return self.folder / "profiles.json"

    def origins(self) -> list[provenance.Origin]:
        """One a section."""
        found = [self.models[0].origin, self.checkpoints.origins()[0], self.peers.origin, self.bindings.origin]
        return [*found, *provenance.origin_of_file("profiles", self.profiles)]


def machine_text(results: Results, openblas: str) -> str:
    step, facts = results.models[0], results.peers.data["machine"]
    caches = ", ".join(f"{name} {size}" for name, size in facts["caches"].items())
    unset = results.peers.data["environment"]["unset"]
    kernel = ".".join(facts["kernel"].split(".")[:2])
    text = f"""Machine: {facts['cpu']}, {facts['processors']} processors, caches: {caches}, {facts['memory']} of memory,
        Linux {kernel}. It is a virtual machine whose host has other guests: absolute figures vary from hour to hour, while
        ratios within a run hold. Kernels: {step.context['kernels']}. Threads: up to {facts['processors']}, not pinned. Huge
        pages: the system's setting is `{facts['transparent_huge_pages']}`; parameters and gradients are ordinary memory, and
        the library's momentum asks for huge pages. Environment variables that are set on the machine, and were unset for
        these runs: {', '.join(f'{name}={value}' for name, value in unset.items()) or 'none'}. liblars
        {step.context['liblars']}, OpenBLAS {openblas}, Python {facts['python']}."""
    return f"{paragraph(text)}\n\n{paragraph(provenance.text(results.origins()))}"


def versions(peers: PeerRun) -> str:
    found: set[tuple[str, str]] = set()
    for row in peers.rows:
        of_it = {name: text for name, text in row.get("about", {}).items() if name not in ("liblars", "kernels", "threads in use")}
        for name, version in of_it.items():
            with_ = " (for IPEX)" if name == "torch" and "intel_extension_for_pytorch" in of_it else ""
            found.add((name, f"{version}{with_}"))
    return ", ".join(f"{name} {version}" for name, version in sorted(found))


def peers_text(peers: PeerRun) -> str:
    """A table for every allocator and number of threads."""
    blocks = []
    for allocator in peers.allocators():
        chosen = ", ".join(f"`{name}={value}`" for name, value in peers.variables(allocator).items())
        if allocator == "tuned":
            says = "every process has an allocator that keeps its memory, in huge pages, as performance guides advise"
        else:
            says = "the allocator is as the system has it, for the peers whose steps allocate"
        blocks.append(paragraph(f"Allocator *{allocator}*: {says}{f' ({chosen})' if chosen else ''}."))
        blocks += [tables.peers(peers, threads, allocator) for threads in sorted(peers.threads(), reverse=True)]
    return "\n\n".join(blocks)


def not_run(peers: PeerRun) -> str:
    found: dict[str, str] = {}
    for row in [*peers.data["agreement"], *peers.rows]:
        if "not_run" in row:
            where = f", {row['model']}, threads {row['threads']}" if "model" in row else ""
            if where and len(peers.allocators()) > 1:
                where += f", allocator {peers.allocator(row)}"
            found[peers.titles[row["contender"]] + where] = row["not_run"]
    if not found:
        return "All peers ran."
    return "\n".join(["Not run:", "", *(f"- {title}: {reason}" for title, reason in found.items())])


def agreement(peers: PeerRun) -> str:
    worst: dict[str, float] = {}
    for row in peers.data["agreement"]:
        if "not_run" not in row:
            title = peers.titles[row["contender"]]
            worst[title] = max(worst.get(title, 0.0), row["max_relative_error"])
    text = "; ".join(f"{title} {error:.1e}" for title, error in worst.items())
    return paragraph(f"Agreement before timing, as the largest difference of a tensor's change over the largest change: {text}. "
                     f"Versions: {versions(peers)}.")


def missed_text(results: Results, findings: list[Finding]) -> str:
    evidence = reasons.Evidence(results.steps, results.peers, results.threads, profiles.Profiles(results.profiles),
                                results.bindings)  # fmt: skip
    missed = [finding for finding in findings if finding.met is False]
    if not missed:
        return ""
    blocks = [paragraph(f"**{finding.what}** ({finding.target}; measured: {finding.measured}). "
                        f"{finding.reason or reasons.reason(finding.key, evidence)}")
              for finding in missed]  # fmt: skip
    return "\n\n".join(["What was missed, and why:", *blocks])


def profiles_text(file: pathlib.Path) -> str:
    if not file.exists():
        return "None here: `scripts/bench --profile` makes them."
    return profiles.profile_text(file)


def readme_text(results: Results, findings: list[Finding], images: str, page: str) -> str:
    peers, threads, resnet = results.peers, results.threads, results.models[0]
    facts = peers.data["machine"]
    rows = []
    for contender, title in peers.titles.items():
        ratios = peers.ratios(contender, threads)
        if contender == "liblars":
            rows.append(["**liblars**", *("1" for _ in peers.models())])
        elif ratios:
            rows.append([title, *(f"{ratios[model].median:.2f}" if model in ratios else "not run" for model in peers.models())])
    share = resnet.share_of_ceiling("lars", threads)
    first = paragraph(f"""On a machine with {facts['processors']} processors ({facts['cpu']}) a step of {resnet.model} takes
        {1e3 * resnet.median('lars', threads):.2f} ms on {threads} threads; two plain loops that only move the same bytes
        take {share.median:.2f} of that time. Time of a step as a multiple of liblars's, {threads} threads, median of rounds
        in which every implementation has its turn (below 1 is faster than liblars):""")
    last = paragraph(f"""{score(findings)} targets, all set before the measurement, are met; [{page}]({page}) lists them,
        and says why the others are missed.""")
    picture = f"![Time of a step over that of liblars, by implementation]({images}/benchmarks-peers.svg)"
    return "\n\n".join([first, table(["time / time of liblars", *peers.models()], rows), picture, last])


def write_readme(readme: pathlib.Path, text: str) -> None:
    begin, end = README_MARKS
    content = readme.read_text()
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(content):
        sys.exit(f"benchmarks_page: {readme} has no marks {begin} and {end}")
    readme.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", content))


def draw(results: Results, targets: Targets, images: pathlib.Path) -> None:
    images.mkdir(parents=True, exist_ok=True)
    models, threads = results.models, results.threads
    pictures.shares(models, ["lars", "lars, PROPAGATE"], threads, images / "benchmarks-ceiling.svg")
    pictures.by_model(models, ["lars", "lars, PROPAGATE", "lars, accumulated", "momentum-SGD loop", "OpenBLAS calls"], threads,
                      images / "benchmarks-models.svg")
    pictures.peers(results.peers, threads, images / "benchmarks-peers.svg")
    pictures.by_size(targets.sizes(), ["lars", "momentum-SGD loop"], threads, targets.cache_bytes, images / "benchmarks-sizes.svg")
    pictures.by_threads(models, images / "benchmarks-threads.svg")
    pictures.tiny(results.steps["small"], list(tables.TINY), images / "benchmarks-tiny.svg")


def page_text(results: Results, targets: Targets, findings: list[Finding], openblas: str, images: str) -> str:
    models, threads, steps = results.models, results.threads, results.steps
    page = (HERE / "benchmarks_page.md").read_text().format(
        repetitions=min(run.repetitions() for run in models),
        few=FEW_ROUNDS,
        peer_rounds=results.peers.data["settings"]["rounds"],
        machine=machine_text(results, openblas),
        verdict=f"{score(findings)} are met.",
        targets="\n".join([*TARGETS_HEAD, *(one.row() for one in findings)]),
        missed=missed_text(results, findings),
        ceiling=tables.ceilings(models, threads),
        ceiling_loops="\n\n".join(tables.ceiling_loops(models, count) for count in sorted({threads, 1}, reverse=True)),
        models=tables.by_model(models, threads),
        bandwidth=tables.bandwidth(models, threads),
        sources=paragraph("Shapes: " + "; ".join(f"{run.model}: {run.context['source']}" for run in models) + "."),
        peers=peers_text(results.peers),
        agreement=agreement(results.peers),
        not_run=not_run(results.peers),
        profiles=profiles_text(results.profiles),
        sizes=tables.sizes(targets.sizes(), threads, targets.cache_bytes) + tables.largest(steps, threads),
        by_threads=tables.by_threads(models),
        small=tables.grouped(steps["small"].parameters),
        tiny=tables.tiny(steps["small"]),
        memory=tables.memory(models),
        checkpoints=table(results.checkpoints.HEAD, results.checkpoints.rows()),
        bindings=table(results.bindings.HEAD, results.bindings.rows()),
        threads=threads,
        images=images,
    )  # fmt: skip
    return re.sub(r"\n{3,}", "\n\n", page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("results", "page", "images", "readme"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--openblas", required=True, help="its version")
    arguments = parser.parse_args()
    try:
        results = Results.of(arguments.results)
    except provenance.Unusable as error:
        sys.exit(f"benchmarks_page: {error}")
    targets = Targets(results.steps, results.peers, results.threads, results.models[0].cache_bytes())
    findings = targets.findings() + results.checkpoints.findings() + results.bindings.findings()
    page, readme, images = arguments.page, arguments.readme, arguments.images
    draw(results, targets, images)
    page.write_text(page_text(results, targets, findings, arguments.openblas, os.path.relpath(images, page.parent)))
    relative = [os.path.relpath(path, readme.parent) for path in (images, page)]
    write_readme(readme, readme_text(results, findings, *relative))
    print(f"{page}: {score(findings)} targets met")


if __name__ == "__main__":
    main()
