// Short messages at the bottom left, at the right where they would cover what is pressed next, at the top of a
// phone. The server sends them with the page (Django messages) or with a partial
// answer: `HX-Trigger: {"rh:toast": {"text": "…", "kind": "ok|bad|info", "undo": "/address",
// "url": "/address", "label": "See it"}}`. Of those with a `rest`, {text: "and {count} more", url}, only a few stand
// at once; the others are counted on the last, with a link to the page that has them all.
// Good news leaves after ten seconds unless it is being read; bad news stays until it is closed.
const STAY_MS = 10000;
const NARROW = matchMedia("(max-width: 860px)");
let folded = 0;

function leaveLater(toast) {
  if (toast.dataset.kind === "bad" || toast.dataset.timed !== undefined) return;
  toast.dataset.timed = "";
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), STAY_MS); };
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  start();
}

// One on a phone, else two: what went wrong before what went well, the newest before the older.
function fold(place, newest, { text, url }) {
  newest.dataset.several = "";
  const shown = [...place.querySelectorAll("[data-several]")];
  if (shown.length === 1) folded = 0;
  const byWorth = shown.filter((toast) => toast.dataset.kind !== "bad").concat(shown.filter((toast) => toast.dataset.kind === "bad"));
  for (const toast of byWorth.slice(0, -(NARROW.matches ? 1 : 2))) {
    toast.remove();
    folded += 1;
  }
  for (const toast of place.querySelectorAll("[data-several]")) {
    const link = toast.querySelector("[data-toast-rest]");
    link.hidden = folded === 0 || toast.nextElementSibling !== null;
    link.textContent = text.replace("{count}", folded);
    link.href = url;
  }
}

function show({ text, kind = "ok", undo = "", detail = "", url = "", label = "", rest = null }) {
  const template = document.getElementById(`toast-${kind}`) ?? document.getElementById("toast-ok");
  const place = document.getElementById("toasts");
  if (!template || !place || !text) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  toast.querySelector("[data-toast-text]").textContent = text;
  toast.querySelector("[data-toast-detail]").textContent = detail;
  const form = toast.querySelector("form");
  if (undo && undo.startsWith("/")) form.action = undo;
  else form.remove();
  const link = toast.querySelector("[data-toast-link]");
  if (url && url.startsWith("/")) {
    link.href = url;
    link.textContent = label;
  } else link.remove();
  place.append(toast);
  leaveLater(toast);
  if (rest) fold(place, toast, rest);
  keepClear();
}

const ACTS = "main :is(.btn-primary, .btn-danger, [type=submit])";
const covers = (box, act) => {
  const at = act.getBoundingClientRect();
  return act.checkVisibility() && at.left < box.right && at.right > box.left && at.top < box.bottom && at.bottom > box.top;
};

function keepClear() {
  const place = document.getElementById("toasts");
  if (!place || place.matches(":hover, :focus-within")) return;
  place.classList.remove("end");
  if (!place.firstElementChild || NARROW.matches) return;
  const box = place.getBoundingClientRect();
  place.classList.toggle("end", [...document.querySelectorAll(ACTS)].some((act) => covers(box, act)));
}

for (const toast of document.querySelectorAll("#toasts > .rh-toast")) leaveLater(toast);
keepClear();
for (const name of ["scrollend", "resize"]) addEventListener(name, keepClear);
document.addEventListener("rh:toast", (event) => show(event.detail));
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-toast-close]")) event.target.closest(".rh-toast").remove();
});
