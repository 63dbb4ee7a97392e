// Keeps <time data-relative> true: "3 min ago" becomes "4 min ago". The exact UTC time is in its title.
const STEPS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function relative(seconds) {
  const distance = Math.abs(seconds);
  if (distance < 5) return "now";
  const [size, unit] = STEPS.find(([limit]) => distance >= limit);
  const text = `${Math.floor(distance / size)} ${unit}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
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
