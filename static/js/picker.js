// A field that searches mailing lists: [data-picker="/address"] around a combobox, a hidden field with the id that was
// chosen, and a listbox. Typing asks the server; arrows move, Enter takes, Escape closes. `picked` tells of a choice.
// In [data-adds] Enter never sends the form: it takes the only list that is found.
const WAIT_MS = 150;

class Picker {
  constructor(root) {
    this.root = root;
    this.input = root.querySelector("[role=combobox]");
    this.chosen = root.querySelector("input[type=hidden]");
    this.list = root.querySelector("[role=listbox]");
    this.says = root.querySelector("[data-picker-says]");
    this.asked = 0;
    this.input.addEventListener("input", () => { this.chosen.value = ""; this.askSoon(); });
    this.input.addEventListener("focus", () => { if (!this.chosen.value) this.askSoon(); });
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("blur", () => this.close());
    // A press would take the focus from the field before the click comes.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")));
  }

  askSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    const number = ++this.asked;
    let found;
    try {
      const answer = await fetch(`${this.root.dataset.picker}?q=${encodeURIComponent(this.input.value)}`);
      if (!answer.ok) return;
      found = (await answer.json()).data;
    } catch {
      this.says.textContent = gettext("No answer from the server.");
      return;
    }
    if (number === this.asked && document.activeElement === this.input) this.show(found);
  }

  show(found) {
    this.list.replaceChildren(...found.map((row, index) => this.option(row, index)));
    this.says.textContent = found.length ? ngettext("%(count)s list found", "%(count)s lists found", found.length) : gettext("No list has this in its name.");
    this.list.hidden = found.length === 0;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.mark(null);
    if (this.takesOnly && found.length === 1) this.take(this.list.firstChild);
    this.takesOnly = false;
  }

  option(row, index) {
    const item = document.createElement("li");
    item.id = `${this.list.id}-${index}`;
    item.setAttribute("role", "option");
    item.dataset.id = row.id;
    item.dir = "auto";
    item.textContent = row.name;
    return item;
  }

  key(event) {
    const options = [...this.list.children];
    const at = options.findIndex((item) => item.getAttribute("aria-selected") === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && this.list.hidden) { this.ask(); event.preventDefault(); }
    else if (step) { this.mark(options[(at + step + options.length) % options.length]); event.preventDefault(); }
    else if (event.key === "Enter" && !this.list.hidden && (at >= 0 || options.length === 1)) {
      event.preventDefault();
      event.stopPropagation();
      this.take(options[Math.max(at, 0)]);
    } else if (event.key === "Enter" && this.root.closest("[data-adds]") && this.input.value && !this.chosen.value) {
      event.preventDefault();
      event.stopPropagation();
      this.takesOnly = true;
      this.ask();
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    }
  }

  mark(option) {
    for (const item of this.list.children) item.setAttribute("aria-selected", String(item === option));
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  take(option) {
    if (!option) return;
    this.chosen.value = option.dataset.id;
    this.input.value = option.textContent;
    this.close();
    this.root.dispatchEvent(new CustomEvent("picked", { bubbles: true }));
  }

  close() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.mark(null);
  }
}

function start() {
  for (const root of document.querySelectorAll("[data-picker]:not([data-ready])")) {
    root.dataset.ready = "";
    new Picker(root);
  }
}
start();
document.addEventListener("rh:content", start);
