// [data-copy="text"] copies that text, [data-copy-from="#id"] the text or value of an element; the button says so.
// [data-reveal="#id"] shows and hides a password.
async function write(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("copying is not allowed here");
}

function say(button, text) {
  const label = button.querySelector("[data-copy-label]") ?? button;
  label.dataset.was ??= label.textContent;
  label.textContent = text;
  button.dataset.said = text;
  clearTimeout(Number(label.dataset.timer));
  label.dataset.timer = String(setTimeout(() => { label.textContent = label.dataset.was; delete button.dataset.said; }, 1600));
}

document.addEventListener("click", async (event) => {
  const reveal = event.target.closest?.("[data-reveal]");
  if (reveal) {
    const field = document.querySelector(reveal.dataset.reveal);
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    reveal.setAttribute("aria-pressed", String(!shown));
    return;
  }
  const button = event.target.closest?.("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  try {
    await write(source ? (source.value ?? source.textContent) : button.dataset.copy);
    say(button, gettext("Copied"));
  } catch {
    say(button, gettext("Not copied"));
  }
});
