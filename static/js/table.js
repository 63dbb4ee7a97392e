// Picking rows: [data-pick-all] in the head, input[data-pick] in the rows, [data-bulk] the bar with [data-bulk-count].
// [data-pick-everybody] stands for all that match, whose number [data-total] shows and [data-total-text] brings later;
// [data-bulk-words] anywhere on the page says whom an act is for.
// Rows of [data-rows], a table or a list of cards, are walked with j and k or the arrows, picked with x, and opened with
// Enter as links are.
// A select or checkbox with [data-submit] sends its form when changed; search fields send on Enter as forms do.
const counted = (count) => ngettext("%(count)s contact", "%(count)s contacts", count);

function update(table) {
  const boxes = [...table.querySelectorAll("input[data-pick]")];
  const count = boxes.filter((box) => box.checked).length;
  const all = table.querySelector("[data-pick-all]");
  if (all) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  const bar = table.querySelector("[data-bulk]");
  if (!bar) return;
  const everybody = bar.querySelector("[data-pick-everybody]");
  if (everybody && count < boxes.length) everybody.checked = false;
  bar.hidden = count === 0;
  const total = table.querySelector("[data-total]")?.textContent ?? "";
  const isAll = Boolean(everybody?.checked);
  for (const place of bar.querySelectorAll("[data-bulk-count]")) place.textContent = isAll ? gettext("All") : count.toLocaleString(document.documentElement.lang);
  for (const place of document.querySelectorAll("[data-bulk-words]")) place.textContent = isAll ? gettext("all %(total)s contacts", { total }) : counted(count);
}

document.addEventListener("change", (event) => {
  const table = event.target.closest?.("[data-picking]");
  if (table && event.target.matches("[data-pick-all]")) {
    for (const box of table.querySelectorAll("input[data-pick]")) box.checked = event.target.checked;
  }
  if (table && event.target.matches("[data-pick-everybody]") && event.target.checked) {
    for (const box of table.querySelectorAll("input[data-pick]")) box.checked = true;
  }
  if (table && event.target.matches("[data-pick], [data-pick-all], [data-pick-everybody]")) update(table);
  if (event.target.matches?.("[data-submit]")) event.target.form?.requestSubmit();
});
document.addEventListener("click", (event) => {
  const table = event.target.closest?.("[data-pick-none]") && event.target.closest("[data-picking]");
  if (!table) return;
  for (const box of table.querySelectorAll("input[data-pick], [data-pick-everybody]")) box.checked = false;
  update(table);
  table.querySelector("[data-pick-all]")?.focus();
});
function start() {
  for (const table of document.querySelectorAll("[data-picking]")) {
    const text = table.querySelector("[data-total-text]")?.dataset.totalText;
    if (text) for (const place of table.querySelectorAll("[data-total]")) place.textContent = text;
    update(table);
  }
}
start();
document.addEventListener("rh:content", start);
addEventListener("pageshow", start);

// -- keys
const ROW_LINK = "a.t, h2 a";
const STEPS = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 };
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open], details[data-pop][open]")) return;
  if (event.target.matches?.("textarea, select, [contenteditable], input:not([data-pick])")) return;
  const rows = [...document.querySelectorAll("[data-rows] tbody tr, [data-rows] > li")].filter((row) => row.querySelector(ROW_LINK));
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const step = STEPS[event.key];
  // The arrows scroll the page until somebody is among the rows.
  if (step && (at >= 0 || event.key.length === 1)) {
    const row = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
    row?.querySelector(ROW_LINK).focus();
    if (row) event.preventDefault();
  } else if (event.key === "x" && at >= 0) {
    rows[at].querySelector("input[data-pick]")?.click();
  }
});

// With the shift key held a click picks everything from the row before.
let before = null;
document.addEventListener("click", (event) => {
  const box = event.target.closest?.("[data-rows] input[data-pick]");
  if (!box) return;
  const boxes = [...box.closest("[data-rows]").querySelectorAll("input[data-pick]")];
  if (event.shiftKey && before && boxes.includes(before)) {
    const [from, to] = [boxes.indexOf(before), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const each of boxes.slice(from, to + 1)) each.checked = box.checked;
    update(box.closest("[data-picking]"));
  }
  before = box;
});

// Where a file is dropped: [data-drop] holds a file input.
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    const place = event.target.closest?.("[data-drop]");
    if (!place) return;
    event.preventDefault();
    place.classList.toggle("over", name === "dragover");
    const input = place.querySelector("input[type=file]");
    if (name === "drop" && input && event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}
