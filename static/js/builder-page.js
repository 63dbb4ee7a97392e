// The page around the builder's frame: it passes the source in, takes it back after every change, shows the preview
// and what there is to know, and saves. It warns before unsaved work is left.
const PAUSE_MS = 700;
const page = document.querySelector("[data-mail-builder]");
const form = document.getElementById("builder");
const frame = document.getElementById("workbench");
const wide = matchMedia("(min-width: 1000px)");
if (page && frame) start();

function start() {
  const state = document.getElementById("save-state");
  const trouble = document.getElementById("builder-trouble");
  const saveButton = document.querySelector('[form="builder"][value="save"]');
  let saved = snapshot();
  let isOpen = false;
  let isSaving = false;
  let frameSaid = null;

  function snapshot() {
    return JSON.stringify(["source", "subject", "preheader"].map((name) => form.elements[name].value));
  }
  const isChanged = () => snapshot() !== saved;
  const say = (words, kind = "") => {
    state.textContent = words;
    state.dataset.kind = kind;
  };
  const showState = () => {
    if (isChanged()) say(gettext("Unsaved changes"), "unsaved");
    else if (state.dataset.kind === "unsaved") say("");
  };

  // -- the frame
  const tell = (message) => frame.contentWindow.postMessage(message, location.origin);
  const hear = {
    ready() {
      tell({ type: "theme", theme: document.documentElement.dataset.bsTheme });
      tell({ type: "open", source: form.elements.source.value });
    },
    opened() {
      isOpen = true;
      page.dataset.state = "open";
    },
    refused({ reason, line }) {
      page.dataset.state = "refused";
      document.getElementById("refused").hidden = false;
      page.querySelector("[data-reason]").textContent = line ? gettext("Line %(line)s: %(reason)s.", { line, reason }) : `${reason}.`;
      for (const element of document.querySelectorAll("[data-builder-only], .vb-wide")) element.hidden = true;
      page.querySelector(".vb-cols").classList.add("vb-only");
      frame.removeAttribute("src");
      document.getElementById("refused-title").focus();
    },
    changed({ source }) {
      form.elements.source.value = source;
      wrote();
    },
    flushed({ source }) {
      form.elements.source.value = source;
      frameSaid?.();
    },
    save() { form.requestSubmit(saveButton); },
    async picture({ alt }) {
      const picture = await globalThis.choosePicture({ alt });
      frame.focus(); // the dialog gives the focus back to this page alone, and the button is within the frame
      tell({ type: "picture", picture });
    },
  };
  addEventListener("message", (event) => {
    if (event.origin === location.origin && event.source === frame.contentWindow) hear[event.data.type]?.(event.data);
  });
  document.addEventListener("rh:theme", ({ detail }) => { if (isOpen) tell({ type: "theme", theme: detail }); });

  /** Words that are being written reach the form before it is sent. */
  const flush = () => new Promise((done) => {
    if (!isOpen) { done(); return; }
    const late = setTimeout(done, 2000);
    frameSaid = () => { clearTimeout(late); frameSaid = null; done(); };
    tell({ type: "flush" });
  });

  // -- while it is built
  let timer;
  let running;
  const wrote = () => {
    showState();
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS);
  };
  const entries = () => [...new FormData(form).entries()];

  async function refresh() {
    preview();
    running?.abort();
    running = new AbortController();
    const place = document.getElementById("tpl-check");
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(page.dataset.check, { method: "POST", body: new URLSearchParams(entries()), signal: running.signal, credentials: "same-origin", headers: { "HX-Request": "true" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("tpl-check");
      if (fresh) place.replaceWith(document.importNode(fresh, true));
    } catch (error) {
      if (error.name !== "AbortError") place.removeAttribute("aria-busy");
    }
  }

  // A frame of its own for every picture: going on inside the old one would fill the browser's history.
  function preview() {
    if (!page.querySelector(".vb-preview").checkVisibility()) return;
    const old = document.querySelector("iframe[name^='tpl-preview']");
    const fresh = document.createElement("iframe");
    fresh.name = `tpl-preview-${Date.now()}`;
    fresh.title = old.title;
    fresh.setAttribute("sandbox", "");
    old.replaceWith(fresh);
    const carrier = Object.assign(document.createElement("form"), { method: "post", action: page.dataset.preview, target: fresh.name, hidden: true });
    for (const [name, value] of entries()) carrier.append(Object.assign(document.createElement("textarea"), { name, value }));
    document.body.append(carrier);
    carrier.submit();
    carrier.remove();
  }

  form.addEventListener("input", (event) => { if (["name", "subject", "preheader"].includes(event.target.name)) wrote(); });
  for (const control of document.querySelectorAll("[form=builder]:is([name=show], [name=dark], [name=images])")) control.addEventListener("change", preview);
  document.getElementById("as").addEventListener("change", refresh);
  document.addEventListener("click", (event) => {
    const place = event.target.closest?.("#tpl-check a[href='#id_source'][data-line]");
    if (place && isOpen) {
      event.preventDefault();
      tell({ type: "line", line: Number(place.dataset.line) });
    }
  });

  // -- saving
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isSaving || !isOpen) return;
    isSaving = true;
    await flush();
    const sent = snapshot();
    const body = new URLSearchParams(entries());
    const { submitter } = event;
    if (submitter?.name) body.set(submitter.name, submitter.value);
    say(gettext("Saving"));
    trouble.replaceChildren();
    try {
      await took(await fetch(form.action, { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json" } }), sent);
    } catch {
      refused(gettext("The connection is lost. Your mail is kept on this page: save again when it is back."));
    } finally {
      isSaving = false;
    }
  });

  async function took(answer, sent) {
    if (answer.redirected || !answer.headers.get("Content-Type")?.includes("json")) {
      refused(answer.redirected ? gettext("You are signed out. Sign in in another tab, then save again: your mail is kept on this page.")
        : gettext("The server could not save it. Your mail is kept on this page: try again in a minute."));
      return;
    }
    const told = await answer.json();
    if (told.seen) settle(told, sent);
    if (told.conflict) {
      const made = new DOMParser().parseFromString(told.conflict, "text/html").body;
      trouble.replaceChildren(...[...made.children].map((child) => document.importNode(child, true)));
      say(gettext("Not saved"), "bad");
      document.getElementById("conflict").focus();
    } else if (!answer.ok) refused(told.message, told.seen);
    if (told.toast) document.dispatchEvent(new CustomEvent("rh:toast", { detail: { text: told.toast } }));
  }

  /** The draft is stored: what was sent is what is saved, whatever was changed since. */
  function settle(told, sent) {
    form.elements.seen.value = told.seen;
    saved = sent;
    say(gettext("Saved %(at)s", { at: told.saved }), "saved");
    if (isChanged()) showState();
    for (const [name, html] of Object.entries(told.standing)) {
      const place = document.querySelector(`[data-standing="${name}"]`);
      const made = new DOMParser().parseFromString(html, "text/html").body;
      place.replaceChildren(...[...made.childNodes].map((child) => document.importNode(child, true)));
    }
  }

  function refused(message, isStored = false) {
    if (!isStored) say(gettext("Not saved"), "bad");
    const card = document.getElementById("trouble-shape").content.firstElementChild.cloneNode(true);
    card.querySelector("[data-what]").textContent = isStored ? gettext("Saved as a draft, not published") : gettext("Not saved");
    card.querySelector("[data-why]").textContent = message;
    trouble.replaceChildren(card);
    card.querySelector("h2").focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(saveButton);
    }
  });

  // -- leaving
  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-drop]")) saved = snapshot(); });
  addEventListener("beforeunload", (event) => { if (isOpen && isChanged()) event.preventDefault(); });

  // -- what is shown
  const toggle = document.querySelector("[data-preview-toggle]");
  const setPreview = (on) => {
    toggle.setAttribute("aria-pressed", String(on));
    page.classList.toggle("no-preview", !on);
    if (on) preview();
  };
  toggle.addEventListener("click", () => setPreview(page.classList.contains("no-preview")));
  const begin = () => {
    if (!wide.matches || frame.src) return;
    for (const element of document.querySelectorAll("[data-builder-only], .vb-wide")) element.hidden = false;
    setPreview(innerWidth >= 1320);
    frame.src = frame.dataset.src;
  };
  wide.addEventListener("change", begin);
  begin();
}
