// The columns step of an import: what a column says about the mailing list can be chosen while a list is. Without one the
// column becomes what [data-without-list] names, and what it was comes back with the list unless a person chose
// meanwhile. A warning shows while a list is chosen and the column that says who agreed is used for something else.
// Without this script all choices are there, and the server says what does not go together.
const form = document.querySelector("[data-import-columns]");
const menus = [...form.querySelectorAll("select[name^=column-]")];
const warning = document.querySelector("[data-unused-answer]");
const kept = new Map();

const group = (menu) => menu.querySelector("[data-needs-list]");
const isOfList = (menu) => Boolean(menu.selectedOptions[0]?.closest("[data-needs-list]"));
const hasList = () => ["list", "new_list"].some((name) => form.elements[name]?.value.trim());

function follow() {
  const listed = hasList();
  for (const menu of menus) {
    const other = menu.dataset.withoutList ?? "";
    if (!listed && isOfList(menu)) {
      kept.set(menu, menu.value);
      menu.value = other;
    } else if (listed && kept.has(menu)) {
      if (menu.value === other) menu.value = kept.get(menu);
      kept.delete(menu);
    }
    group(menu).disabled = !listed;
    for (const guess of menu.closest("tr").querySelectorAll("[data-guess]")) guess.hidden = (guess.dataset.guess === "list") !== listed;
  }
  if (warning) warning.hidden = !listed || menus.some(isOfList);
}

for (const menu of menus) menu.addEventListener("change", () => kept.delete(menu));
for (const kind of ["change", "input", "picked"]) form.addEventListener(kind, follow);
window.addEventListener("pageshow", follow);  // a browser that goes back fills the form in once more
follow();
