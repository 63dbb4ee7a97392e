// A particular that is being changed: Escape leaves it as [data-escape] says; what opens takes the focus.
document.addEventListener("keydown", (event) => {
  const form = event.key === "Escape" && !event.defaultPrevented && event.target.closest?.("form[data-escape]");
  if (form) document.querySelector(form.dataset.escape)?.click();
});
document.addEventListener("rh:content", () => {
  const field = document.querySelector(".ct-particular [autofocus]");
  field?.focus();
  field?.removeAttribute("autofocus");
});
