"""The report page in a real browser: drawn, whole, right, at the width of a desktop and of a phone.

Started by scripts/test --report, which builds the trainer and installs the browser. Pictures of the pages go to
build/report-test, to be looked at.
"""

import csv
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import browser
import runs

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "build" / "report-test"
TRAINER = os.environ.get("LARS_TRAIN", str(ROOT / "build" / "dev" / "lars-train"))
DIVERGED = 3  # lars-train's exit status


def report(folder: pathlib.Path, *more: str) -> subprocess.CompletedProcess:
    command = [str(ROOT / "scripts" / "report"), str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def train(name: str, *options: str, status: int = 0) -> pathlib.Path:
    folder = OUT / name
    command = [TRAINER, "--out", str(folder), "--pictures", "none", *options]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != status:
        raise AssertionError(f"lars-train ended with {result.returncode}: {result.stderr}")
    return folder


def telemetry(folder: pathlib.Path, parameter: str, quantity: str) -> list[float]:
    with open(folder / "telemetry.csv", newline="", encoding="utf-8") as file:
        return [float(row[quantity]) for row in csv.DictReader(file) if row["parameter"] == parameter]


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def page(self, folder: pathlib.Path) -> pathlib.Path:
        result = report(folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        return folder / "report.html"

    def check(self, folder: pathlib.Path, charts: int) -> str:
        """Both widths without a fault; returns the page's text."""
        page = self.page(folder)
        for size in browser.SIZES:
            self.browser.open(page, size)
            faults = self.browser.faults()
            self.browser.picture(OUT / f"{folder.name}-{size}.png")
            self.assertEqual(faults, [], f"{folder.name}, {size}")
            self.assertEqual(self.browser.run("return document.querySelectorAll('.chart').length"), charts)
        return self.browser.text()

    # ---- Runs of the trainer ----

    def test_training_run(self):
        folder = train("lars", "--batch", "8192", "--epochs", "4")
        text = self.check(folder, charts=7)
        self.assertIn("LARS on mlp, batch 8192", text)
        self.assertIn("No limit took hold", text)
        with open(folder / "history.csv", newline="", encoding="utf-8") as file:
            accuracy = float(list(csv.DictReader(file))[-1]["test_accuracy"])
        self.assertIn(f"{100 * accuracy:.2f}\u202f%", text)
        for heading in ("Loss and accuracy", "Trust ratio of every layer", "Where the time goes",
                        "Hyper-parameters in force"):
            self.assertIn(heading, text)

    def test_charts_hold_the_numbers_of_the_run(self):
        folder = train("numbers", "--batch", "8192", "--epochs", "2")
        self.browser.open(self.page(folder), "desktop")
        self.assertEqual(self.browser.run("return document.getElementById('ratios').data[0].y"),
                         ["dense1.weight", "dense2.weight", "dense3.weight"])
        for row, name in enumerate(("dense1.weight", "dense2.weight", "dense3.weight")):
            shown = self.browser.run("return document.getElementById('ratios').data[0].z[arguments[0]]", row)
            wanted = [math.log10(ratio) for ratio in telemetry(folder, name, "trust_ratio")]
            self.assertEqual(len(shown), len(wanted))
            for got, want in zip(shown, wanted):
                self.assertAlmostEqual(got, want, delta=1e-3 * abs(want))
        with open(folder / "steps.csv", newline="", encoding="utf-8") as file:
            losses = [float(row["loss"]) for row in csv.DictReader(file)]
        for got, want in zip(self.browser.run("return document.getElementById('loss').data[0].y"), losses, strict=True):
            self.assertAlmostEqual(got, want, delta=1e-4 * want)

    def test_choices_of_the_reader(self):
        folder = train("choices", "--batch", "8192", "--epochs", "2")
        self.browser.open(self.page(folder), "desktop")
        shown = ("const chart = document.getElementById(arguments[0]);"
                 "return [chart.layout.xaxis.title.text, chart.data[0].x.at(-1)]")
        steps = json.loads((folder / "run.json").read_text())["steps"]
        self.assertEqual(self.browser.run(shown, "loss"), ["step", steps])
        self.choose("document.querySelector('input[value=epoch]').click()")
        for chart in ("loss", "ratios", "time", "norms"):
            self.assertEqual(self.browser.run(shown, chart), ["epoch", 2])
        self.choose("const chooser = document.getElementById('parameter'); chooser.value = 'norm2.bias';"
                    "chooser.dispatchEvent(new Event('change'))")
        for index, quantity in enumerate(("weight_norm", "gradient_norm")):
            got = self.browser.run("return document.getElementById('norms').data[arguments[0]].y", index)
            for value, want in zip(got, telemetry(folder, "norm2.bias", quantity), strict=True):
                self.assertAlmostEqual(value, want, delta=1e-3 * want)
        self.choose("document.getElementById('ratios').emit('plotly_click', {points: [{y: 'dense3.weight'}]})")
        self.assertEqual(self.browser.run("return document.getElementById('parameter').value"), "dense3.weight")
        self.assertEqual(self.browser.faults(), [])

    def choose(self, script: str) -> None:
        self.browser.run(f"delete document.documentElement.dataset.drawn; {script}")
        self.browser.drawn()

    def test_sgd_has_no_trust_ratio(self):
        text = self.check(train("sgd", "--optimizer", "sgd", "--batch", "8192", "--epochs", "2"), charts=6)
        self.assertIn("no layer has a trust ratio of its own", text)

    def test_clipped_run_names_the_limited(self):
        folder = train("clipped", "--batch", "8192", "--epochs", "2", "--gradient-clip", "0.5")
        self.check(folder, charts=7)
        table = self.browser.run("return document.querySelector('#limits table').innerText")
        last = telemetry(folder, "dense1.weight", "limited_share")[-1]
        self.assertGreater(last, 0)
        self.assertIn("dense1.weight", table)
        self.assertIn("100" if last == 1 else f"{100 * last:.1f}", table)

    def test_diverged_run_says_so(self):
        folder = train("diverged", "--optimizer", "sgd", "--learning-rate", "1e30", "--epochs", "2", "--batch", "8192",
                       status=DIVERGED)
        text = self.check(folder, charts=5)
        self.assertIn("The run diverged at step", text)
        self.assertIn("LARS_ERR_NONFINITE", text)
        self.assertIn("No epoch was finished", text)

    # ---- Runs of other shapes ----

    def test_hundreds_of_layers(self):
        def change(layer, step, values):
            if layer % 9 == 0:
                values["limited_share"] = 0.5
            if layer == 5:
                values["skipped_share"] = 0.0001

        names = runs.deep_names(200)
        text = self.check(runs.write_run(OUT / "deep", names, 700, 70, change), charts=7)
        self.assertIn("Each column is the geometric mean of", text)
        self.assertIn("4 more parameters", text)
        self.assertEqual(self.browser.run("return document.getElementById('ratios').data[0].y"), names)
        self.assertEqual(self.browser.run("return document.getElementById('parameter').options.length"), 200)
        self.assertLess((OUT / "deep" / "report.html").stat().st_size, 9e6)

    def test_nan_and_infinity(self):
        def change(layer, step, values):
            if step == 3:
                values.update(trust_ratio=math.nan, gradient_norm=math.nan, effective_rate=math.nan)
            if step == 5 and layer == 1:
                values.update(trust_ratio=math.inf, gradient_norm=0.0, effective_rate=math.inf)
            if layer == 2:
                values["gradient_norm"] = math.nan

        folder = runs.write_run(OUT / "nan", ["first.weight", "second.weight", "third.weight"], 12, 4, change)
        text = (folder / "steps.csv").read_text()
        (folder / "steps.csv").write_text(re.sub(r"^7,[^,]*", "7,nan", text, flags=re.MULTILINE))
        self.assertIn("Grey: 4 ratios not finite", self.check(folder, charts=7))
        self.assertIsNone(self.browser.run("return document.getElementById('ratios').data[0].z[0][3]"))
        self.assertIsNone(self.browser.run("return document.getElementById('loss').data[0].y[6]"))

    def test_run_that_was_killed(self):
        folder = runs.write_run(OUT / "killed", ["first.weight", "second.weight"], 20, 5)
        settings = json.loads((folder / "run.json").read_text())
        settings.update(ended=False, steps=0)
        del settings["seconds"]
        (folder / "run.json").write_text(json.dumps(settings))
        steps = (folder / "steps.csv").read_text()
        (folder / "steps.csv").write_text(steps[:steps.rindex(",")])  # in the middle of a line
        text = self.check(folder, charts=7)
        self.assertIn("The run has not ended", text)
        self.assertIn("after step 19", text)
        self.assertIn("It was last seen at a test accuracy of", text)

    def test_settings_tell_where_and_what(self):
        folder = runs.write_run(OUT / "settings", ["first.weight", "second.weight"], 20, 5)
        settings = json.loads((folder / "run.json").read_text())
        settings.update(started="2026-02-03T04:05:06Z", processor="Some Processor", processors=4, threads=2,
                        variant="larc", nonfinite_policy="refuse")
        settings["parameters"][0]["in_force"].update(trust_clip=1.0, denominator=1.0, clip_value=0.5)
        settings["parameters"][1]["in_force"].update(trust_clip=1.0, denominator=1.0, clip_value=None)
        (folder / "run.json").write_text(json.dumps(settings))
        text = self.check(folder, charts=7) + self.browser.run("return document.getElementById('settings').textContent")
        for words in ("2 threads of Some Processor", "2026-02-03", "LARC", "refused: an error", "min(r ∕ γ, 1)",
                      "|g| + λ|w|", "Gradients clipped to"):
            self.assertIn(words, text)
        self.assertNotIn("Dampening", text)  # as it is by default
        for value, want in zip(self.browser.run("return document.getElementById('norms').data[2].y"),
                               telemetry(folder, "first.weight", "update_norm"), strict=True):
            self.assertAlmostEqual(value, want, delta=1e-3 * want)

    def test_one_step(self):
        text = self.check(runs.write_run(OUT / "one-step", ["only.weight"], 1, 1), charts=7)
        self.assertIn("1 step", text)

    def test_without_telemetry_and_timings(self):
        folder = runs.write_run(OUT / "bare", ["first.weight", "second.weight"], 20, 5)
        for name in ("telemetry.csv", "timings.csv"):
            (folder / name).unlink()
        text = self.check(folder, charts=4)  # the trust ratios are in steps.csv, too
        self.assertIn("This run has no telemetry (telemetry.csv)", text)
        self.assertIn("This run has no timings (timings.csv)", text)

    def test_without_a_step(self):
        folder = runs.write_run(OUT / "no-step", ["first.weight"], 0, 1)
        settings = json.loads((folder / "run.json").read_text())
        settings.update(diverged=True, divergence="NaN in <first.weight>")
        (folder / "run.json").write_text(json.dumps(settings))
        text = self.check(folder, charts=0)
        self.assertIn("The run diverged at step 1.", text)
        self.assertIn("NaN in <first.weight>", text)

    # ---- The checks themselves ----

    def test_broken_pages_are_noticed(self):
        page = self.page(runs.write_run(OUT / "broken", ["first.weight", "second.weight"], 8, 4))
        whole = page.read_text(encoding="utf-8")
        policy = re.search(r'<meta http-equiv="Content-Security-Policy".*?>', whole, re.DOTALL).group()
        faults = {
            "console": ("</body>", "<script>undefinedFunction()</script></body>"),
            "request": ("</body>", '<img src="missing.png" alt=""></body>'),
            "wide in a window": ("</main>", '<div style="width:2000px">wide</div></main>'),
            "empty chart: loss": ('"name":"training, each step"', '"visible":false,"name":"training, each step"'),
            "title on labels": ("</style>", ".xtitle { transform: translateY(-16px); }</style>"),
            "too small": ("</style>", "nav a { min-height: 20px; }</style>"),
            "not accessible": ('role="img" aria-label="', 'data-lost="'),
            "charts drawn": ("Plotly.react(", "Plotly.nothing("),
        }
        for fault, (old, new) in faults.items():
            self.assertIn(old, whole, fault)
            broken = whole.replace(old, new)
            if fault == "request":
                broken = broken.replace(policy, "")
            if fault == "empty chart: loss":
                broken = broken.replace('"name":"test, each epoch"', '"visible":false,"name":"test, each epoch"')
            page.write_text(broken, encoding="utf-8")
            self.browser.open(page, "phone")
            self.assertTrue(any(fault in found for found in self.browser.faults()), fault)
        page.write_text(whole.replace("</body>", '<img src="missing.png" alt=""></body>'), encoding="utf-8")
        self.browser.open(page, "phone")
        self.assertTrue(any("Content Security Policy" in found for found in self.browser.faults()))


class RefusalTest(unittest.TestCase):
    """What cannot be reported: which file, why, and what to run."""

    def refused(self, folder: pathlib.Path, *words: str) -> None:
        result = report(folder)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertNotIn("Traceback", result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertFalse((folder / "report.html").exists())

    def damaged(self, name: str, file: str, change) -> pathlib.Path:
        folder = runs.write_run(OUT / f"refused-{name}", ["first.weight"], 4, 2)
        content = change((folder / file).read_text())
        (folder / file).unlink() if content is None else (folder / file).write_text(content)
        return folder

    def test_missing(self):
        self.refused(OUT / "nowhere", "nowhere is not a folder", "lars-train --out")
        for file in ("run.json", "steps.csv", "history.csv"):
            self.refused(self.damaged(f"no-{file}", file, lambda _: None), f"{file} is missing", "lars-train --out")

    def test_damaged(self):
        cases = {
            "cut-json": ("run.json", lambda text: text[:40], "run.json cannot be read"),
            "other-json": ("run.json", lambda text: "[]", "run.json has no model"),
            "cut-steps": ("steps.csv", lambda text: text[:text.rindex(",")], "line 5: 3 values under 4 columns"),
            "word": ("steps.csv", lambda text: text.replace("8.0", "eight", 1), "line 2: learning_rate is 'eight'"),
            "column": ("telemetry.csv", lambda text: text.replace("trust_ratio", "ratio", 1), "no column trust_ratio"),
            "short": ("telemetry.csv", lambda text: text[:text.rindex("\n", 0, -1) + 1], "3 steps of first.weight"),
            "short-timings": ("timings.csv", lambda text: text[:text.rindex("\n", 0, -1) + 1], "has 3 steps"),
            "binary": ("history.csv", lambda text: "epoch\0", "history.csv"),
        }
        for name, (file, change, words) in cases.items():
            with self.subTest(name):
                self.refused(self.damaged(name, file, change), words)

    def test_unwritable_page(self):
        folder = runs.write_run(OUT / "refused-output", ["first.weight"], 4, 2)
        result = report(folder, "--output", str(OUT / "nowhere" / "page.html"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("cannot be written", result.stderr)


def setUpModule():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
