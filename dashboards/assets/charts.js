// Redraws the server's line charts with ECharts, for values under the pointer. The server's SVG stays when this fails.
"use strict";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let drawn = [];

function percent(part, whole) {
  return whole > 0 ? Math.round((part * 1000) / whole) / 10 : 0;
}

function planned(summary, days, name) {
  const day = (time) => (time ? Date.parse(`${time.slice(0, 10)}T00:00:00Z`) : NaN);
  const start = day(summary.started_at);
  const end = day(summary.deadline_at);
  if (!(end > start)) return [];
  const data = days.map((text) => {
    const share = (day(text) - start) / (end - start);
    return Math.round(Math.min(1, Math.max(0, share)) * 1000) / 10;
  });
  return [{ name, type: "line", data, showSymbol: false, lineStyle: { type: "dashed", width: 1.4 }, itemStyle: { color: colour("--muted") } }];
}

function progress(box, model) {
  const by = box.dataset.by;
  const points = model.progress.filter((point) => (by === "site" ? point.ring : point.site) === "");
  const days = [...new Set(points.map((point) => point.day))].sort();
  const rings = [...new Set(points.map((point) => point[by]))].sort();
  const palette = ["--ink", "--progress", "--stale", "--never", "--installed", "--failed"];
  const series = rings.map((ring, index) => ({
    name: ring || box.dataset.all,
    type: "line",
    showSymbol: days.length < 3,
    itemStyle: { color: colour(palette[Math.min(index, 5)]) },
    lineStyle: { width: ring ? 2 : 3 },
    data: days.map((day) => {
      const point = points.find((one) => one.day === day && one[by] === ring);
      return point ? percent(point.installed, point.eligible) : null;
    }),
  }));
  const text = { color: colour("--muted"), fontFamily: colour("--sans") };
  const chart = echarts.init(box, null, { renderer: "canvas" });
  chart.setOption({
    animation: false,
    textStyle: text,
    grid: { left: 42, right: 10, top: 12, bottom: 26 },
    // Rich text is drawn on the canvas: HTML tooltips carry inline styles, which the page's policy refuses.
    tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: (value) => (value == null ? "–" : `${value}%`), backgroundColor: colour("--surface"), borderColor: colour("--rule"), textStyle: { color: colour("--ink") } },
    xAxis: { type: "category", data: days, boundaryGap: false, axisLabel: { ...text, formatter: (day) => day.slice(5) }, axisLine: { lineStyle: { color: colour("--rule") } } },
    yAxis: { type: "value", min: 0, max: 100, axisLabel: { ...text, formatter: "{value}%" }, splitLine: { lineStyle: { color: colour("--rule") } } },
    series: [...planned(model.summary, days, box.dataset.plan), ...series],
  });
  drawn.push(chart);
}

async function draw() {
  drawn.forEach((chart) => chart.dispose());
  drawn = [];
  for (const box of document.querySelectorAll("[data-chart=progress]")) {
    const label = box.querySelector("svg")?.getAttribute("aria-label") ?? "";
    const answer = await fetch(box.dataset.src);
    if (!answer.ok) continue;
    const model = await answer.json();
    box.replaceChildren();
    box.classList.add("chart");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", label);
    progress(box, model);
  }
}

if (window.echarts) {
  draw();
  document.addEventListener("patchlens:refreshed", draw);
  window.addEventListener("resize", () => drawn.forEach((chart) => chart.resize()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
