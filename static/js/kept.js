// What was typed into a form outlives a session that ended meanwhile: it is kept in this tab when the form is sent,
// and put back if the answer was sign-in (or a page that was too old) instead of what the form does. Passwords,
// files and hidden fields are never kept, but for hidden ones with [data-keep]: those say what the page was made of, and
// a save still tells of what somebody else saved meanwhile. Nothing is kept once a page came that is not sign-in.
const KEY = "rh:kept";
const LIFE_MS = 60 * 60 * 1000;
const NEVER = new Set(["password", "hidden", "file", "submit", "button", "image", "reset"]);

const fields = (form) => [...form.elements].filter((field) =>
  field.name && (!NEVER.has(field.type) || field.dataset.keep !== undefined) && field.autocomplete !== "one-time-code" && field.dataset.confirmText === undefined);

function mark(form) {
  const all = [...document.querySelectorAll('form[method="post"]')];
  return { action: form.getAttribute("action") ?? "", at: all.filter((other) =>
    (other.getAttribute("action") ?? "") === (form.getAttribute("action") ?? "")).indexOf(form) };
}

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept && Date.now() - kept.since < LIFE_MS ? kept : undefined;
  } catch {
    return undefined;
  }
}

function forget() {
  try { sessionStorage.removeItem(KEY); } catch { /* storage is closed: there is nothing to forget */ }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || document.querySelector("[data-entrance]")) return;
  const values = fields(form).map((field) => ({
    name: field.name, value: field.multiple ? [...field.selectedOptions].map((option) => option.value) : field.value,
    on: field.checked,
  }));
  if (!fields(form).some((field) => field.type !== "hidden" && (field.checked || field.value.length))) return;
  try {
    sessionStorage.setItem(KEY, JSON.stringify({
      path: location.pathname + location.search, since: Date.now(), lost: false, form: mark(form), values,
    }));
  } catch { /* storage is full or closed: the form is sent all the same */ }
});

function put(form, values) {
  const left = [...values];
  for (const field of fields(form)) {
    const found = left.findIndex(({ name, value }) =>
      name === field.name && (!/^(checkbox|radio)$/.test(field.type) || value === field.value));
    if (found < 0) continue;
    const [{ value, on }] = left.splice(found, 1);
    if (/^(checkbox|radio)$/.test(field.type)) field.checked = on;
    else if (field.multiple) for (const option of field.options) option.selected = value.includes(option.value);
    else field.value = value;
    if (field.dataset.submit !== undefined) continue; // it would be sent by itself
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

function start() {
  const kept = read();
  if (!kept) return forget();
  if (document.querySelector("[data-entrance]")) {
    sessionStorage.setItem(KEY, JSON.stringify({ ...kept, lost: true }));
    document.querySelector("[data-kept-note]")?.removeAttribute("hidden");
    return;
  }
  if (!kept.lost || kept.path !== location.pathname + location.search) return kept.lost ? undefined : forget();
  forget();
  const same = [...document.querySelectorAll('form[method="post"]')]
    .filter((form) => (form.getAttribute("action") ?? "") === kept.form.action);
  const form = same[kept.form.at];
  if (!form) return;
  put(form, kept.values);
  form.querySelector("input:not([type=hidden]), textarea, select")?.focus();
  document.dispatchEvent(new CustomEvent("rh:toast", {
    detail: { text: gettext("What you typed is back"), detail: gettext("It was not saved, for you were signed out. Send it again."), kind: "info" },
  }));
}
start();
