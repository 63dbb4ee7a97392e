// Short messages at the bottom left. The server sends them with the page (Django messages) or with a partial
// answer: `HX-Trigger: {"rh:toast": {"text": "…", "kind": "ok|bad|info", "undo": "/address",
// "url": "/address", "label": "See it"}}`.
// Good news leaves after ten seconds unless it is being read; bad news stays until it is closed.
const STAY_MS = 10000;

function leaveLater(toast) {
  if (toast.dataset.kind === "bad" || toast.dataset.timed !== undefined) return;
  toast.dataset.timed = "";
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), STAY_MS); };
  for (const name of ["pointerenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
  for (const name of ["pointerleave", "focusout"]) toast.addEventListener(name, start);
  start();
}

function show({ text, kind = "ok", undo = "", detail = "", url = "", label = "" }) {
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
}

for (const toast of document.querySelectorAll("#toasts > .rh-toast")) leaveLater(toast);
document.addEventListener("rh:toast", (event) => show(event.detail));
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-toast-close]")) event.target.closest(".rh-toast").remove();
});
