"use strict";
// Draws the figures that stand beside their places as JSON, fits them to the screen, and follows the two choices that
// the reader has: steps or epochs on the horizontal axes, and the parameter whose norms are shown.
(() => {
  const narrow = matchMedia("(max-width: 640px)");
  const touch = matchMedia("(pointer: coarse)");
  const charts = [...document.querySelectorAll(".chart")];
  const figures = new Map(charts.map((chart) => [chart.id, JSON.parse(chart.nextElementSibling.textContent)]));
  const courses = JSON.parse(document.getElementById("courses").textContent);
  const chooser = document.getElementById("parameter");
  let unit = "step";

  // Sets a value by its path.
  function put(layout, path, value) {
    const keys = path.split(".");
    const last = keys.pop();
    for (const key of keys) layout = layout[key];
    layout[last] = value;
  }

  function inEpochs(figure) {
    const scale = 1 / figure.layout.meta.steps_per_epoch;
    for (const trace of figure.data) {
      trace.x = trace.x.map((step) => step * scale);
      trace.meta = "epoch";
    }
    const axis = figure.layout.xaxis;
    axis.title.text = "epoch";
    if (axis.range) axis.range = axis.range.map((step) => step * scale);
    if (axis.tickvals) axis.tickvals = axis.tickvals.map((step) => step * scale);
  }

  function putParameter(figures) {
    const shown = courses.parameters[chooser.selectedIndex];
    const series = {norms: [shown.weight_norm, shown.gradient_norm, shown.update_norm], effective: [shown.effective_rate]};
    for (const [id, values] of Object.entries(series)) {
      figures.get(id).data.forEach((trace, index) => {
        trace.x = courses.steps;
        trace.y = values[index];
        trace.mode = courses.steps.length > 40 ? "lines" : "lines+markers";
        trace.marker = {...trace.marker, size: 5};
      });
      // Few decades are read by 1, 2, 5; a zero cannot stand on a logarithmic axis.
      const numbers = values.flat().filter((value) => value !== null);
      const positive = numbers.length > 0 && numbers.every((value) => value > 0);
      const axis = figures.get(id).layout.yaxis;
      const spread = positive ? Math.max(...numbers) / Math.min(...numbers) : 1;
      axis.type = positive && spread > 5 ? "log" : "linear";
      axis.dtick = axis.type === "log" ? (spread > 300 ? 1 : "D2") : undefined;
      axis.rangemode = axis.type === "log" ? undefined : "tozero";
      axis.tickformat = axis.type === "log" ? ".6~g" : undefined;
    }
  }

  // A fresh copy each time: plotly changes what it draws.
  function fitted(id) {
    const figure = structuredClone(figures.get(id));
    if (unit === "epoch") inEpochs(figure);
    figure.layout.xaxis.unifiedhovertitle = {text: `${unit} %{x:.4~g}`};
    if (narrow.matches) {
      for (const [path, value] of Object.entries(figure.layout.meta.narrow)) put(figure.layout, path, value);
      figure.layout.font.size = 12;
    }
    if (touch.matches) {  // a finger scrolls the page, it does not zoom
      figure.layout.dragmode = false;
      for (const axis of ["xaxis", "yaxis"]) figure.layout[axis].fixedrange = true;
    }
    return figure;
  }

  const options = {responsive: true, displayModeBar: false, displaylogo: false};

  async function draw(wanted) {
    if (chooser) putParameter(figures);
    for (const chart of wanted) {
      const {data, layout} = fitted(chart.id);
      await Plotly.react(chart, data, layout, options);
    }
    document.documentElement.dataset.drawn = String(document.querySelectorAll(".chart .main-svg:first-child").length);
  }

  for (const button of document.querySelectorAll("input[name=unit]")) {
    button.addEventListener("change", () => {
      unit = button.value;
      draw(charts);
    });
  }
  narrow.addEventListener("change", () => draw(charts));
  const ofParameter = charts.filter((chart) => ["norms", "effective"].includes(chart.id));
  chooser?.addEventListener("change", () => draw(ofParameter));
  draw(charts).then(() => {
    // A tap on a layer in the heat map shows its norms.
    const ratios = document.getElementById("ratios");
    if (!ratios || !chooser) return;
    ratios.on("plotly_click", (event) => {
      chooser.value = event.points[0].y;
      draw(ofParameter);
    });
  });
})();
