// The drawer on narrow screens, tabs that arrow keys move through, and the present one of tabs that do not all fit.
const root = document.documentElement;
const narrow = matchMedia("(max-width: 860px)");

function setDrawer(open) {
  root.dataset.nav = open ? "open" : "";
  const side = document.getElementById("nav");
  const button = document.querySelector(".rh-top [data-nav-toggle]");
  const main = document.querySelector(".rh-main");
  button?.setAttribute("aria-expanded", String(open));
  if (main) main.inert = open && narrow.matches;
  if (open) side?.querySelector("a, button, input")?.focus();
  else if (side?.contains(document.activeElement)) button?.focus();
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-nav-toggle]")) setDrawer(root.dataset.nav !== "open");
  const tab = event.target.closest?.("[data-tabs] [role=tab]");
  if (tab) chooseTab(tab);
});
narrow.addEventListener("change", () => setDrawer(false));

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && root.dataset.nav === "open") setDrawer(false);
  const tab = event.target.closest?.("[data-tabs] [role=tab]");
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (tab && step) {
    const tabs = [...tab.closest("[data-tabs]").querySelectorAll("[role=tab]")];
    chooseTab(tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length]);
  }
});

function chooseTab(chosen) {
  for (const tab of chosen.closest("[data-tabs]").querySelectorAll("[role=tab]")) {
    const on = tab === chosen;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    const panel = document.getElementById(tab.getAttribute("aria-controls"));
    if (panel) panel.hidden = !on;
  }
  chosen.focus();
}

// A hint of the tab before stays in sight, which tells that there are more.
const HINT_PX = 48;
function showPresentTab() {
  for (const here of document.querySelectorAll(".rh-tabs > [aria-current]")) {
    const bar = here.parentElement, place = here.getBoundingClientRect(), frame = bar.getBoundingClientRect();
    if (place.right > frame.right) bar.scrollLeft += place.left - frame.left - HINT_PX;
  }
}
addEventListener("resize", showPresentTab);
showPresentTab();
