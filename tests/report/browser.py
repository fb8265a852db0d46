"""A headless Chromium that says what is wrong with a page."""

import base64
import json
import pathlib

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
DOCUMENT = (900, 900)  # as wide as documentation shows a picture, so that its text is as large as the text around it
SECONDS_TO_DRAW = 30
SMALLEST_TARGET = 44  # pixels a finger needs: WCAG 2.2, success criterion 2.5.5

# What a chart holds: lines with a path, points, or the picture of a heat map.
EMPTY_CHARTS = """
return [...document.querySelectorAll(".chart")].filter(chart => {
  const lines = [...chart.querySelectorAll(".scatterlayer path.js-line")]
    .some(line => (line.getAttribute("d") || "").length > 8);
  const points = chart.querySelectorAll(".scatterlayer path.point").length > 0;
  const heat = [...chart.querySelectorAll(".heatmaplayer image")].some(i => i.href.baseVal.length > 100
      && i.getBoundingClientRect().width > 50);
  return !(lines || points || heat);
}).map(chart => chart.id);
"""
WIDE_CHARTS = """
return [...document.querySelectorAll(".chart")].filter(chart => [...chart.querySelectorAll("svg.main-svg")].some(svg =>
  svg.getBoundingClientRect().right > chart.parentElement.getBoundingClientRect().right + 1)).map(chart => chart.id);
"""
# Texts of charts that leave their chart, which cuts them off.
CUT_TEXTS = """
return [...document.querySelectorAll(".chart")].flatMap(chart => {
  const box = chart.getBoundingClientRect();
  return [...chart.querySelectorAll("svg text")].filter(text => {
    const place = text.getBoundingClientRect();
    return place.width > 0 && (place.left < box.left - 2 || place.right > box.right + 2 || place.top < box.top - 2
      || place.bottom > box.bottom + 2);
  }).map(text => `${chart.id}: ${text.textContent}`);
});
"""
# Titles of axes that do not stay clear of the labels of the ticks: below them, or left of them.
OVERLAPS = """
const boxes = (chart, selector) => [...chart.querySelectorAll(selector)].map(text => text.getBoundingClientRect());
return [...document.querySelectorAll(".chart")].filter(chart =>
  boxes(chart, ".xtitle").some(title => boxes(chart, ".xtick text").some(label => title.top < label.bottom - 2)) ||
  boxes(chart, ".ytitle").some(title => boxes(chart, ".ytick text").some(label => title.right > label.left + 2)))
  .map(chart => chart.id);
"""
SMALL_TARGETS = """
return [...document.querySelectorAll("nav a, summary, select")].filter(target => {
  const box = target.getBoundingClientRect();
  return box.height > 0 && box.height < arguments[0];
}).map(target => target.textContent.slice(0, 40));
"""
UNNAMED = """
const unnamed = [...document.querySelectorAll(".chart")]
  .filter(chart => (chart.getAttribute("aria-label") || "").length < 30);
const untitled = [...document.querySelectorAll("section")].filter(section => !section.querySelector("h2"));
const headless = [...document.querySelectorAll("th")].filter(cell => !cell.scope);
const headings = document.querySelectorAll("h1").length === 1 ? [] : ["not one h1"];
return [...unnamed, ...untitled, ...headless].map(element => element.outerHTML.slice(0, 80)).concat(headings);
"""


class Browser:
    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        # Root, as containers have it, cannot use Chromium's sandbox; their /dev/shm is small.
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                         "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)

    def close(self) -> None:
        self.driver.quit()

    def run(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def open(self, page: pathlib.Path, size: str) -> None:
        """As a desktop's or, with touch and its pixels, a phone's browser."""
        width, height = DOCUMENT if size == "document" else SIZES[size]
        phone = size == "phone"
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2 if phone else 1, "mobile": phone})
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone})
        for log in ("browser", "performance"):
            self.driver.get_log(log)  # what earlier pages left
        self.driver.get(page.resolve().as_uri())
        self.drawn()

    def drawn(self) -> None:
        """Waits for the charts; a page that draws none is found by the checks."""
        done = "return document.readyState === 'complete' && document.documentElement.dataset.drawn !== undefined"
        try:
            WebDriverWait(self.driver, SECONDS_TO_DRAW).until(lambda driver: driver.execute_script(done))
        except Exception:  # selenium's TimeoutException, or what the driver says of a broken page
            pass

    def faults(self) -> list[str]:
        """All that is wrong with the page that is open."""
        found = [f"console: {entry['message']}" for entry in self.driver.get_log("browser")
                 if entry["level"] in ("SEVERE", "WARNING")]
        found += [f"request: {address}" for address in self._requests()]
        charts = self.run("return document.querySelectorAll('.chart').length")
        drawn = self.run("return document.documentElement.dataset.drawn")
        if drawn != str(charts):
            found.append(f"{drawn} of {charts} charts drawn")
        for what, script in (("empty chart", EMPTY_CHARTS), ("chart too wide", WIDE_CHARTS), ("text cut", CUT_TEXTS),
                             ("title on labels", OVERLAPS), ("not accessible", UNNAMED)):
            found += [f"{what}: {name}" for name in self.run(script)]
        width, window = self.run("return [document.scrollingElement.scrollWidth, window.innerWidth]")
        if width > window:
            found.append(f"the page is {width} wide in a window of {window}")
        if self.run("return matchMedia('(pointer: coarse)').matches"):
            found += [f"too small for a finger: {name}" for name in self.run(SMALL_TARGETS, SMALLEST_TARGET)]
        return found

    def _requests(self) -> list[str]:
        """Addresses asked for that are neither the page nor in it."""
        addresses = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                addresses.append(message["params"]["request"]["url"])
        page = self.driver.current_url.split("#")[0]
        return [address for address in addresses if not address.startswith(("data:", "blob:")) and address != page]

    def text(self) -> str:
        return self.run("return document.body.innerText")

    def picture(self, file: pathlib.Path, most: int | None = None) -> None:
        """Of the whole page, or of its first `most` pixels."""
        width, height = self.run("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, most or height), "scale": 1}
        picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        file.write_bytes(base64.b64decode(picture["data"]))
