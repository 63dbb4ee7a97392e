// The template editor: line numbers, merge fields at the caret, lint and preview after each pause in writing.
// Everything it does can be done without it: the page saves, checks and shows the mail by plain forms.
const PAUSE_MS = 600;
const form = document.querySelector("[data-template-editor]");
if (form) start(form);

function start(form) {
  const source = form.elements.source;
  const fields = ["subject", "preheader", "source", "text"].map((name) => form.elements[name]).filter(Boolean);
  let last = source;
  let changed = false;

  // -- line numbers
  const gutter = form.querySelector("[data-code] .ln");
  let lines = 0;
  const number = () => {
    const wanted = source.value.split("\n").length;
    if (wanted !== lines) gutter.textContent = Array.from({ length: (lines = wanted) }, (_, index) => index + 1).join("\n") + "\n ";
    gutter.scrollTop = source.scrollTop;
  };
  gutter.hidden = false;
  source.addEventListener("scroll", () => { gutter.scrollTop = source.scrollTop; }, { passive: true });
  number();

  // -- what the server says of it
  let timer;
  let running;
  const entries = () => [...new FormData(form).entries()];
  const later = () => { clearTimeout(timer); timer = setTimeout(refresh, PAUSE_MS); };

  async function refresh() {
    clearTimeout(timer);
    preview();
    running?.abort();
    running = new AbortController();
    const place = document.getElementById("tpl-check");
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.check, {
        method: "POST", body: new URLSearchParams(entries()), signal: running.signal, credentials: "same-origin",
        headers: { "HX-Request": "true" },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("tpl-check");
      if (fresh) place.replaceWith(document.importNode(fresh, true));
      reveal();
    } catch (error) {
      if (error.name !== "AbortError") place.removeAttribute("aria-busy");
    }
  }

  // A frame of its own for every picture: going on inside the old one would fill the browser's history.
  function preview() {
    const old = document.querySelector("iframe[name^='tpl-preview']");
    const frame = document.createElement("iframe");
    frame.name = `tpl-preview-${Date.now()}`;
    frame.title = old.title;
    frame.setAttribute("sandbox", "");
    old.replaceWith(frame);
    const carrier = document.createElement("form");
    Object.assign(carrier, { method: "post", action: form.dataset.preview, target: frame.name, hidden: true });
    for (const [name, value] of entries()) {
      const input = document.createElement("textarea");
      input.name = name;
      input.value = value;
      carrier.append(input);
    }
    document.body.append(carrier);
    carrier.submit();
    carrier.remove();
  }

  // -- writing
  const wrote = () => { changed = true; number(); later(); };
  form.addEventListener("input", (event) => { if (fields.includes(event.target)) wrote(); });
  form.addEventListener("change", (event) => { if (event.target.name === "kind") wrote(); });
  form.addEventListener("focusin", (event) => { if (fields.includes(event.target)) last = event.target; });
  for (const control of document.querySelectorAll("[name=show][form=editor]")) control.addEventListener("change", preview);
  document.getElementById("as")?.addEventListener("change", refresh);

  function put(field, code, from = field.selectionStart, to = field.selectionEnd) {
    field.focus();
    field.setRangeText(code, from, to, "end");
    const gap = code.indexOf('""') >= 0 ? code.indexOf('""') + 1 : code.indexOf("…");
    if (gap > 0) field.setSelectionRange(from + gap, from + gap + (code[gap] === "…" ? 1 : 0));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function goTo(field, line) {
    field.closest("details")?.setAttribute("open", "");
    const all = field.value.split("\n");
    const begin = all.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    field.focus();
    field.setSelectionRange(begin, begin + (all[line - 1] ?? "").length);
    field.scrollTop = Math.max(0, (line - 4) * Number.parseFloat(getComputedStyle(field).lineHeight));
  }

  document.addEventListener("click", (event) => {
    const insert = event.target.closest?.("[data-insert]");
    const place = event.target.closest?.("#tpl-check [data-line]");
    const fallback = event.target.closest?.("[data-fallback]");
    const menu = form.querySelector(".tpl-fields");
    if (insert) {
      menu.open = false;
      put(last, insert.dataset.insert);
    } else if (!menu.contains(event.target)) menu.open = false;
    if (place?.dataset.line) {
      event.preventDefault();
      goTo(document.querySelector(place.getAttribute("href")), Number(place.dataset.line));
    }
    if (fallback) {
      const field = form.elements[fallback.dataset.part === "html" ? "source" : fallback.dataset.part];
      const bare = new RegExp(`\\{\\{-?\\s*${fallback.dataset.fallback.replaceAll(".", "\\.")}\\s*-?\\}\\}`).exec(field.value);
      if (bare) put(field, fallback.dataset.with, bare.index, bare.index + bare[0].length);
    }
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") form.querySelector(".tpl-fields").open = false;
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(document.querySelector('button[form=editor][value="save"]'));
    }
  });

  // -- leaving
  form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
  reveal();
}

function reveal() {
  for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
}
