// Search everywhere: "/" or Ctrl-K opens a box over any page. What fits follows the typing, arrows choose, Enter
// opens, Escape leaves and the focus returns. Without this script the box at the side leads to the search page.
const WAIT_MS = 120;
const dialog = document.getElementById("palette");
const box = dialog?.querySelector("input");
const list = document.getElementById("palette-hits");
const said = dialog?.querySelector("[data-palette-said]");
let timer;
let asking;

const options = () => [...list.querySelectorAll("[role=option]")];

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  if (option) {
    box.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  } else box.removeAttribute("aria-activedescendant");
}

async function ask() {
  asking?.abort();
  asking = new AbortController();
  const text = box.value.trim();
  try {
    const answer = await fetch(`${dialog.dataset.hits}?q=${encodeURIComponent(text)}`, {
      headers: { "HX-Request": "true" }, credentials: "same-origin", signal: asking.signal,
    });
    if (!answer.ok) throw new Error(String(answer.status));
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    list.dataset.fits = text;
    list.replaceChildren(...[...parsed.childNodes].map((node) => document.importNode(node, true)));
    said.textContent = text ? list.querySelector("[data-count]")?.dataset.count ?? "" : "";
    choose(text ? options()[0] : undefined);
  } catch (error) {
    if (error.name === "AbortError") return;
    const word = document.createElement("p");
    word.className = "none";
    word.textContent = error.message === "401"
      ? gettext("You are signed out. Enter leads to sign-in and back.")
      : gettext("No answer from the server. Enter tries the search page.");
    list.replaceChildren(word);
    said.textContent = word.textContent;
    choose(undefined);
  }
}

function open(text = "") {
  if (!dialog || dialog.open || document.querySelector("dialog[open]")) return;
  box.value = text;
  delete list.dataset.fits;
  dialog.showModal();
  box.focus();
  ask();
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const keyed = event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey) && !event.shiftKey && !event.altKey;
  if (!dialog || !((event.key === "/" && !typing) || keyed)) return;
  if (document.querySelector("dialog[open]")) return;
  event.preventDefault();
  open();
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-palette-open], [data-palette-box]");
  if (!opener || !dialog || event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  open(opener.value ?? "");
});

if (dialog) {
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, WAIT_MS);
  });
  box.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      event.preventDefault();
      choose(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length]);
    } else if (event.key === "Enter" && at >= 0 && list.dataset.fits === box.value.trim() && !event.isComposing) {
      event.preventDefault();
      if (event.metaKey || event.ctrlKey) window.open(all[at].href, "_blank", "noopener");
      else location.assign(all[at].href);
    }
  });
  list.addEventListener("pointermove", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && option.getAttribute("aria-selected") !== "true") choose(option);
  });
}
