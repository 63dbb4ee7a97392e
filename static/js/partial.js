// htmx: the token that Django asks for, an honest word when an answer fails, and nothing that needs eval.
// Configuration is in the page's <meta name="htmx-config">: no indicator styles, error answers are not swapped in
// except 409 and 422, which are forms with their errors.
const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";
const say = (text, detail) =>
  document.dispatchEvent(new CustomEvent("rh:toast", { detail: { text, detail, kind: "bad" } }));

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (!/^(GET|HEAD|OPTIONS)$/i.test(request.method)) request.headers["X-CSRFToken"] = token();
});

document.addEventListener("htmx:response:error", (event) => {
  const { ctx } = event.detail;
  const status = ctx.response.status;
  if (status === 409 || status === 422 || ctx.sourceElement?.closest?.("[data-quiet]")) return;
  if (status === 401) say(gettext("You are signed out"), gettext("Sign in again; what you typed is still on this page."));
  else if (status === 403) say(gettext("Not allowed"), gettext("Your role does not hold this permission, or the page is too old. Reload it."));
  else if (status === 404) say(gettext("It is no longer there"), gettext("Somebody may have removed it. Reload the page."));
  else if (status === 429) say(gettext("Too many requests"), gettext("Wait a moment and try again."));
  else say(gettext("The server could not do that"), gettext("Nothing was changed. Try again; if it stays, look at the log."));
});

let told = false;
document.addEventListener("htmx:error", (event) => {
  if (told || event.detail.ctx?.sourceElement?.closest?.("[data-quiet]")) return;
  told = true;
  setTimeout(() => { told = false; }, 30000);
  say(gettext("No answer from the server"), gettext("The connection may be down. Live parts go on when it is back."));
});

// The focus stays where a person works: on the same control of the new part, else on what the part marks with
// [data-focus], else on the page's content.
let focused;
const sign = (element) => [element.tagName, element.getAttribute("name"), element.getAttribute("href"),
  element.getAttribute("aria-label"), element.value ?? "", element.textContent.trim()].join("\n");

document.addEventListener("htmx:before:swap", () => {
  const element = document.activeElement;
  if (!element || element === document.body) focused = undefined;
  else focused = { element, id: element.id, sign: sign(element), caret: element.selectionStart };
});
function refocus() {
  if (!focused || focused.element.isConnected) return;
  const { id, sign: wanted, caret, element } = focused;
  const same = (id && document.getElementById(id))
    || [...document.querySelectorAll(element.tagName)].find((other) => sign(other) === wanted);
  const place = same ?? document.querySelector("[data-focus]") ?? document.getElementById("main");
  place?.focus({ preventScroll: true });
  if (same && typeof caret === "number") try { same.setSelectionRange(caret, caret); } catch { /* no text field */ }
  focused = undefined;
}

// New parts tell the others that they are there.
document.addEventListener("htmx:after:swap", () => {
  refocus();
  // A mark is for the part that brought it, not for the next one.
  for (const mark of document.querySelectorAll("[data-focus]")) mark.removeAttribute("data-focus");
  document.dispatchEvent(new CustomEvent("rh:content"));
});

// A list that is narrowed or sorted comes as a new page: for whoever works by keys it begins at the control that was used.
const USED = "rh:used";
const PLACES = [".rh-filters", ".ct-chips", "[data-rows] thead"];
const controls = (place) => [...document.querySelectorAll(`main ${place} :is(a[href], select)`)];
let isByKeys = false;
document.addEventListener("keydown", () => { isByKeys = true; }, true);
document.addEventListener("pointerdown", () => { isByKeys = false; }, true);

function note(element) {
  const place = isByKeys && PLACES.find((one) => element?.closest?.(`main ${one}`));
  if (!place) return;
  try {
    sessionStorage.setItem(USED, JSON.stringify({ path: location.pathname, place, at: controls(place).indexOf(element) }));
  } catch { /* storage is closed: the page begins at its top */ }
}
document.addEventListener("click", (event) => note(event.target.closest?.("a[href]")));
document.addEventListener("change", (event) => { if (event.target.matches?.("[data-submit]")) note(event.target); });

function goOn() {
  try {
    const used = JSON.parse(sessionStorage.getItem(USED));
    sessionStorage.removeItem(USED);
    if (used?.path !== location.pathname || document.activeElement !== document.body) return;
    const there = controls(used.place);
    (there[Math.min(used.at, there.length - 1)] ?? document.getElementById("main"))?.focus({ preventScroll: true });
  } catch { /* storage is closed */ }
}
goOn();

// A page that came back with something to mend begins there, unless it has a place of its own to begin at.
const faulty = [...document.querySelectorAll("main [aria-invalid=true]")].find((field) => field.checkVisibility());
if (faulty && document.activeElement === document.body) faulty.focus();
