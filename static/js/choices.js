// A part of a form that belongs to one choice of a menu: [data-only-for="id of the menu"][data-choice="its value"].
// While another is chosen it is hidden and sends nothing. Without this script all parts are there.
for (const part of document.querySelectorAll("[data-only-for]")) {
  const menu = document.getElementById(part.dataset.onlyFor);
  const follow = () => {
    part.hidden = menu.value !== part.dataset.choice;
    for (const field of part.querySelectorAll("input, select, textarea")) field.disabled = part.hidden;
  };
  menu.addEventListener("change", follow);
  window.addEventListener("pageshow", follow);  // a browser that goes back fills the form in once more
  follow();
}
