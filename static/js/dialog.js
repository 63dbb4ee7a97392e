// Dialogs open from [data-dialog-open="#id"] and close from [data-dialog-close], the backdrop or Escape; focus
// returns by itself, from a menu that has closed to the menu's button. Where an act cannot be undone,
// [data-confirm-text] enables the last button when typed.
const openers = new WeakMap();
document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-dialog-open]");
  if (opener) {
    const dialog = document.querySelector(opener.dataset.dialogOpen);
    if (dialog instanceof HTMLDialogElement && !dialog.open) {
      event.preventDefault();
      openers.set(dialog, opener);
      dialog.showModal();
    }
    return;
  }
  if (event.target.closest?.("[data-dialog-close]")) {
    event.target.closest("dialog")?.close();
    return;
  }
  if (event.target instanceof HTMLDialogElement && event.target.open) {
    const box = event.target.getBoundingClientRect();
    const inside =
      event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  }
});

document.addEventListener("close", (event) => {
  const opener = openers.get(event.target);
  if (opener && !opener.checkVisibility()) opener.closest(".dropdown")?.querySelector("[data-bs-toggle]")?.focus();
}, true);

document.addEventListener("input", (event) => {
  const wanted = event.target.dataset?.confirmText;
  if (wanted === undefined) return;
  const button = event.target.form?.querySelector("[data-confirm-button]");
  if (button) button.disabled = event.target.value.trim() !== wanted;
});

// A form that was sent once is not sent again by a second click.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "dialog" || form.matches("[data-repeatable], [hx-post], [hx-get]")) return;
  if (form.dataset.sent !== undefined) {
    event.preventDefault();
    return;
  }
  if (form.method === "post") {
    form.dataset.sent = "";
    event.submitter?.setAttribute("aria-busy", "true");
  }
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
});
