// Charts: <div class="rh-chart" data-chart="id"> reads <script type="application/json" id="id">:
//   {"x": [unix seconds], "unit": "", "zone": "Europe/Copenhagen", "series": [{"label", "color": "--c-1", "data": [],
//    "kind": "bars|line|step", "dash": false, "fill": false}]}
// Colours are token names, so that the theme may change. A table stands beside it for those who see no chart.
const { uPlot } = window;
const root = document.documentElement;
const language = root.lang || "en";
const token = (name) => getComputedStyle(root).getPropertyValue(name).trim();
const charts = new Map();
// Steps of an axis that counts things: there is no half a recipient.
const WHOLE = [1, 2, 5].flatMap((step) => [...Array(12).keys()].map((zeros) => step * 10 ** zeros)).sort((a, b) => a - b);

// Steps of an axis of time, in seconds: its ticks name minutes, hours or days.
const TIMES = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000, 7776000];

const shorten = (value) =>
  Math.abs(value) >= 1000
    ? `${(value / 1000).toLocaleString(language, { maximumFractionDigits: 1 })}k`
    : value.toLocaleString(language, { maximumFractionDigits: 2 });

const isWhole = (spec) => spec.series.every((series) => series.data.every((value) => value == null || Number.isInteger(value)));

function tickTexts(zone, spanSeconds) {
  const clock = { hour: "2-digit", minute: "2-digit", ...(spanSeconds < 600 ? { second: "2-digit" } : {}) };
  const options = spanSeconds > 2 * 86400 ? { day: "numeric", month: "short" } : clock;
  const format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { ...options, timeZone: zone || "UTC" });
  return (_, values) => values.map((value) => format.format(value * 1000));
}

function paths(kind) {
  if (kind === "bars") return uPlot.paths.bars({ size: [0.7, 24], radius: 0.2 });
  if (kind === "step") return uPlot.paths.stepped({ align: 1 });
  return uPlot.paths.linear();
}

function options(element, spec) {
  const axis = { stroke: token("--c-tick"), font: `11px ${token("--font-sans")}`, ticks: { show: false }, grid: { stroke: token("--c-grid"), width: 1 } };
  const hasBars = spec.series.some((series) => series.kind === "bars");
  const whole = isWhole(spec);
  const span = spec.x.length ? spec.x.at(-1) - spec.x[0] : 0;
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    // The last label of the axis stands half beyond the last point; one with seconds is the longest.
    padding: [8, span < 600 ? 30 : 22, 0, 0],
    cursor: { points: { size: 7 }, y: false, drag: { x: false, y: false } },
    legend: { show: false },
    scales: {
      x: { time: true, range: (_, low, high) => (hasBars ? [low - (high - low) / 48, high + (high - low) / 48] : [low, high]) },
      y: { range: (_, __, high) => [0, (spec.max || high || 4) * 1.08] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 70, incrs: TIMES, values: tickTexts(spec.zone, span) },
      { ...axis, size: 48, space: element.clientHeight < 120 ? 26 : 44, incrs: whole ? WHOLE : undefined, values: (_, values) => values.map((value) => shorten(value) + (spec.unit ?? "")) },
    ],
    series: [
      {},
      ...spec.series.map((series) => ({
        label: series.label,
        stroke: token(series.color),
        width: series.kind === "bars" ? 0 : 2,
        dash: series.dash ? [4, 4] : [],
        fill: series.kind === "bars" ? token(series.color) : series.fill ? token("--accent-soft") : undefined,
        points: { show: false },
        paths: paths(series.kind),
      })),
    ],
  };
}

function draw(element) {
  const source = document.getElementById(element.dataset.chart);
  if (!source || !uPlot || element.clientWidth === 0) return;
  const spec = JSON.parse(source.textContent);
  charts.get(element)?.destroy();
  element.replaceChildren();
  const chart = new uPlot(options(element, spec), [spec.x, ...spec.series.map((series) => series.data)], element);
  chart.isWhole = isWhole(spec);
  charts.set(element, chart);
}

// New figures of a chart that stands: it moves on; with other series, or the first that are no whole numbers, anew.
function move(element, spec) {
  const chart = charts.get(element);
  const same = chart && chart.series.length === spec.series.length + 1 && (!chart.isWhole || isWhole(spec));
  if (same) chart.setData([spec.x, ...spec.series.map((series) => series.data)]);
  else draw(element);
}

const drawAll = () => document.querySelectorAll(".rh-chart[data-chart]").forEach(draw);
document.addEventListener("rh:theme", drawAll);
document.addEventListener("rh:content", drawAll);
document.addEventListener("rh:chart", ({ detail }) => {
  const source = document.getElementById(detail.id);
  if (!source) return;
  source.textContent = JSON.stringify(detail.data);
  document.querySelectorAll(`.rh-chart[data-chart="${CSS.escape(detail.id)}"]`).forEach((element) => move(element, detail.data));
});
let pending;
addEventListener("resize", () => {
  clearTimeout(pending);
  pending = setTimeout(drawAll, 120);
});
document.fonts.ready.then(drawAll);
