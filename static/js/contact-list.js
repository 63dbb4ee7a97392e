// The list of contacts: what opens over it closes again, filters that say nothing stay out of the address, fields are
// compared as their kind allows, and an act on many is not sent without its parts.

// -- [data-pop]: one open at a time, closed by Escape and by a press beside it
const open = () => [...document.querySelectorAll("details[data-pop][open]")];
document.addEventListener("toggle", (event) => {
  if (!event.target.matches?.("details[data-pop]") || !event.target.open) return;
  for (const other of open()) if (other !== event.target) other.open = false;
}, true);
document.addEventListener("click", (event) => {
  for (const each of open()) if (!each.contains(event.target) && !event.target.closest?.("dialog")) each.open = false;
});
document.addEventListener("keydown", (event) => {
  const inside = event.key === "Escape" && event.target.closest?.("details[data-pop][open]");
  if (!inside) return;
  inside.open = false;
  inside.querySelector("summary").focus();
});

// -- [data-tidy]: empty fields are not sent; those of a comparison go together
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches?.("[data-tidy]")) return;
  const groups = [...form.querySelectorAll(".ct-compare")].map((row) => [...row.querySelectorAll("select, input")]);
  const alone = [...form.elements].filter((field) => field.name && !field.closest(".ct-compare"));
  const did = form.elements.did;
  const empty = [
    ...alone.filter((field) => field.value === "" || (field.name === "within" && did && did.value === "")
      || (field.name.endsWith("list_name") && form.elements[field.name.replace("_name", "")]?.value)),
    ...groups.filter(([field]) => field.value === "").flat(),
  ];
  for (const field of empty) field.disabled = true;
  setTimeout(() => { for (const field of empty) field.disabled = false; });
});

// -- comparisons: only those that the field's kind knows
function fit(row) {
  const [field, op, value] = row.querySelectorAll("select, input");
  const kind = field.selectedOptions[0]?.dataset.kind ?? "";
  for (const option of op.options) {
    option.hidden = option.disabled = Boolean(option.value) && !(option.dataset.kinds ?? "").split(" ").includes(kind);
  }
  if (op.selectedOptions[0]?.disabled) op.value = "";
  if (kind && !op.value) op.value = [...op.options].find((option) => option.value && !option.disabled)?.value ?? "";
  if (!kind) op.value = "";
  const isAlone = op.selectedOptions[0]?.dataset.alone !== undefined;
  value.type = kind === "date" && !isAlone ? "date" : "text";
  value.inputMode = kind === "number" ? "decimal" : "";
  value.placeholder = kind === "boolean" && !isAlone ? gettext("yes or no") : "";
  value.hidden = isAlone || !kind;
  op.hidden = !kind;
  if (isAlone) value.value = "";
}
document.addEventListener("change", (event) => {
  const row = event.target.closest?.(".ct-compare");
  if (row) fit(row);
});
document.addEventListener("click", (event) => {
  const more = event.target.closest?.("[data-compare-more]");
  if (!more) return;
  const rows = more.closest("fieldset").querySelector("[data-compare]");
  const row = rows.lastElementChild.cloneNode(true);
  const number = rows.children.length + 1;
  for (const field of row.querySelectorAll("select, input")) {
    field.value = "";
    field.setAttribute("aria-label", field.getAttribute("aria-label").replace(/\d+/, number));
  }
  rows.append(row);
  fit(row);
  row.querySelector("select").focus();
  more.hidden = number >= 10;
});
for (const row of document.querySelectorAll(".ct-compare")) fit(row);
for (const more of document.querySelectorAll("[data-compare-more]")) more.hidden = false;

// -- dialogs of acts on many: Enter does what the dialog's button says, and what is missing is said there
document.addEventListener("keydown", (event) => {
  const dialog = event.key === "Enter" && event.target.matches?.("input") && event.target.closest("dialog[data-act]");
  if (!dialog || event.defaultPrevented) return;
  event.preventDefault();
  dialog.querySelector("[data-act-button]").click();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-act-button]");
  if (!button) return;
  const dialog = button.closest("dialog");
  const missing = [...dialog.querySelectorAll("[data-needed]")].find((field) => {
    const chosen = field.parentElement.querySelector("input[type=hidden]");
    return field.value.trim() === "" && !chosen?.value;
  });
  const place = dialog.querySelector("[data-act-problem]");
  place.hidden = !missing;
  const label = missing && dialog.querySelector(`label[for="${missing.id}"]`);
  place.textContent = missing ? gettext("%(field)s: choose one first.", { field: label?.textContent ?? gettext("This") }) : "";
  if (missing) {
    event.preventDefault();
    missing.focus();
  }
});
