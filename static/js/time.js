// Keeps <time data-relative> true: "3 min ago" becomes "4 min ago". The exact UTC time is in its title. The words are
// the page's: <html data-now="now" data-ago="%(span)s ago" data-ahead="in %(span)s" data-day="d">.
const { now: NOW = "now", ago = "%(span)s ago", ahead = "in %(span)s", day = "d" } = document.documentElement.dataset;
const STEPS = [[86400, day], [3600, "h"], [60, "min"], [1, "s"]];

function relative(seconds) {
  const distance = Math.abs(seconds);
  if (distance < 5) return NOW;
  const [size, unit] = STEPS.find(([limit]) => distance >= limit);
  const text = `${Math.floor(distance / size)} ${unit}`;
  return (seconds > 0 ? ago : ahead).replace("%(span)s", text);
}

function refresh() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const moment = Date.parse(element.dateTime);
    if (Number.isNaN(moment)) continue;
    const text = relative((Date.now() - moment) / 1000);
    if (element.textContent !== text) element.textContent = text;
  }
}
setInterval(refresh, 10000);
document.addEventListener("visibilitychange", refresh);
document.addEventListener("rh:content", refresh);
