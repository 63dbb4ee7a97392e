// The template editor: merge fields at the caret, lint and preview after each pause in writing, a word when somebody
// else saved. Everything it does can be done without it: the page saves, checks and shows the mail by plain forms.
const PAUSE_MS = 600;
const form = document.querySelector("[data-template-editor]");
if (form) start(form);

function start(form) {
  const source = form.elements.source;
  const fields = ["subject", "preheader", "source", "text", "sample"].map((name) => form.elements[name]).filter(Boolean);
  let last = source;
  let changed = false;
  let wasIn = false; // whether the caret of the content was ever put somewhere

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
      found();
    } catch (error) {
      if (error.name !== "AbortError") place.removeAttribute("aria-busy");
    }
  }

  // Findings as marks at their lines, and the buttons that need this script.
  function found() {
    for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;
    for (const [part, field] of [["html", source], ["text", form.elements.text]]) {
      const rows = [...document.querySelectorAll(`#tpl-check [data-mark="${part}"]`)];
      field?.code?.mark(rows.map(({ dataset }) => ({
        line: Number(dataset.at), severity: dataset.severity, message: dataset.message, name: dataset.name,
      })));
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
  const wrote = () => { changed = true; later(); };
  form.addEventListener("input", (event) => { if (fields.includes(event.target)) wrote(); });
  form.addEventListener("change", (event) => {
    if (event.target.name !== "kind") return;
    source.code?.setKind(event.target.value);
    wrote();
  });
  form.addEventListener("focusin", (event) => {
    if (!fields.includes(event.target)) return;
    last = event.target;
    wasIn ||= last === source;
  });
  for (const control of document.querySelectorAll("[data-shows][form=editor]")) control.addEventListener("change", preview);
  document.getElementById("as")?.addEventListener("change", refresh);

  // Where nobody has put the caret yet the content begins for readers: in front of its first tag nothing may stand.
  const FIRST = {
    html: [/<body\b[^>]*>/i, /<body\b[^>]*>/i],
    mjml: [/<mj-text\b(?:[^>"]|"[^"]*")*(?<!\/)>/, /<mj-column\b(?:[^>"]|"[^"]*")*(?<!\/)>/],
  };
  function beginning(isPicture) {
    const found = FIRST[form.elements.kind.value]?.[Number(isPicture)].exec(source.value);
    return found ? found.index + found[0].length : 0;
  }

  function put(field, code, from, to, { isPicture = false } = {}) {
    if (field === source && !wasIn && from === undefined) from = to = beginning(isPicture);
    if (field.code) {
      field.code.insert(code, from, to);
      return;
    }
    const start = from ?? field.selectionStart;
    field.focus();
    field.setRangeText(code, start, to ?? field.selectionEnd, "end");
    const gap = code.indexOf('""') >= 0 ? code.indexOf('""') + 1 : code.indexOf("…");
    if (gap > 0) field.setSelectionRange(start + gap, start + gap + (code[gap] === "…" ? 1 : 0));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** A picture of the library as the content is written; the caret goes into an empty alternative text. */
  const escaped = (words) => words.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const PICTURE = {
    html: ({ url, alt, width }) => `<img src="${url}" alt="${escaped(alt)}" width="${width}" style="display: block; max-width: 100%; height: auto; border: 0">`,
    mjml: ({ url, alt, width }) => `<mj-image src="${url}" alt="${escaped(alt)}" width="${width}px" />`,
    markdown: ({ url, alt }) => `![${alt.replace(/[[\]\\]/g, "\\$&")}](${url})`,
    text: ({ url }) => url,
  };
  async function putPicture() {
    const field = [source, form.elements.text].includes(last) ? last : source;
    const chosen = await globalThis.choosePicture();
    if (chosen) put(field, PICTURE[field === source ? form.elements.kind.value : "text"](chosen), undefined, undefined, { isPicture: true });
  }

  function goTo(field, line) {
    field.closest("details")?.setAttribute("open", "");
    if (field.code) field.code.goTo(line);
    else field.focus();
  }

  document.addEventListener("click", (event) => {
    const insert = event.target.closest?.("[data-insert]");
    const place = event.target.closest?.("#tpl-check a[href^='#']");
    const fallback = event.target.closest?.("[data-fallback]");
    const menu = form.querySelector(".tpl-fields");
    if (event.target.closest?.("[data-insert-picture]")) putPicture();
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
  document.addEventListener("code-ready", found);
  found();
}
