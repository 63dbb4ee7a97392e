// The sandbox inbox under the keys that mail programs have: j the next mail, k the one before, u unread.
// Only where nobody types; the links themselves do the work, so a mail opens in the pane as by a click.
function step(by) {
  const mails = [...document.querySelectorAll("#sandbox-mails .sbx-mail")];
  if (!mails.length) return;
  const at = mails.findIndex((mail) => mail.getAttribute("aria-current") === "true");
  const next = mails[Math.min(Math.max(at + by, 0), mails.length - 1)];
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  if (next !== mails[at]) next.click();
}

// On a narrow screen the mail takes the place of the list.
document.addEventListener("click", (event) => {
  if (event.target.closest?.("#sandbox-mails .sbx-mail")) document.querySelector("[data-sandbox]")?.classList.add("reading");
});
document.addEventListener("htmx:after:swap", () => {
  const list = document.querySelector("[data-sandbox].reading .sbx-list");
  if (list && getComputedStyle(list).display === "none") {
    scrollTo(0, 0);
    document.getElementById("reading")?.focus({ preventScroll: true });
  }
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.matches?.("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
  if (!document.querySelector("[data-sandbox]")) return;
  if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    step(event.key === "j" ? 1 : -1);
  } else if (event.key === "u") {
    document.querySelector("#reading [data-unread]")?.click();
  }
});
