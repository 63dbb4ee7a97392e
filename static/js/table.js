// Picking rows: [data-pick-all] in the head, input[data-pick] in the rows, [data-bulk] the bar with [data-bulk-count].
// A select or checkbox with [data-submit] sends its form when changed; search fields send on Enter as forms do.
function update(table) {
  const boxes = [...table.querySelectorAll("input[data-pick]")];
  const count = boxes.filter((box) => box.checked).length;
  const all = table.querySelector("[data-pick-all]");
  if (all) {
    all.checked = count > 0 && count === boxes.length;
    all.indeterminate = count > 0 && count < boxes.length;
  }
  const bar = table.querySelector("[data-bulk]");
  if (bar) {
    bar.hidden = count === 0;
    for (const place of bar.querySelectorAll("[data-bulk-count]")) place.textContent = count.toLocaleString(document.documentElement.lang);
  }
}

document.addEventListener("change", (event) => {
  const table = event.target.closest?.("[data-picking]");
  if (table && event.target.matches("[data-pick-all]")) {
    for (const box of table.querySelectorAll("input[data-pick]")) box.checked = event.target.checked;
  }
  if (table && event.target.matches("[data-pick], [data-pick-all]")) update(table);
  if (event.target.matches?.("[data-submit]")) event.target.form?.requestSubmit();
});
function start() {
  for (const table of document.querySelectorAll("[data-picking]")) update(table);
}
start();
document.addEventListener("rh:content", start);

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
