// The dialog that an editor chooses a picture from: the library, newest first, or what is uploaded there and then. Then
// its words, and a smaller copy of a wide one. `choosePicture({ alt })` gives {url, alt, width}, or null.
const WAIT_MS = 200;
const dialog = document.getElementById("picture-chooser");
if (dialog) start(dialog);

function start(dialog) {
  const library = dialog.querySelector('[data-step="library"]');
  const form = dialog.querySelector('[data-step="chosen"]');
  const place = dialog.querySelector("[data-picture-choices]");
  const search = dialog.querySelector("[data-picture-search]");
  const found = dialog.querySelector("[data-picture-found]");
  const title = dialog.querySelector("h2");
  const trouble = form.querySelector("[data-chosen-trouble]");
  const token = () => document.querySelector('meta[name="csrf-token"]').content;
  let wanted = "";
  let chosen = null;
  let answer = null;
  let timer;
  let running;

  globalThis.choosePicture = ({ alt = "" } = {}) => new Promise((done) => {
    wanted = alt;
    answer = null;
    search.value = "";
    show("library");
    dialog.showModal();
    load("");
    dialog.addEventListener("close", () => done(answer), { once: true });
  });

  function show(step) {
    library.hidden = step !== "library";
    form.hidden = step === "library";
    title.textContent = step === "library" ? gettext("Choose a picture") : gettext("Insert this picture");
    dialog.scrollTop = 0;
  }

  const nodes = (html) => [...new DOMParser().parseFromString(html, "text/html").body.children].map((node) => document.importNode(node, true));

  async function load(query, { isMore = false } = {}) {
    running?.abort();
    running = new AbortController();
    place.setAttribute("aria-busy", "true");
    try {
      const got = await fetch(`${dialog.dataset.choices}${query}`, { signal: running.signal, credentials: "same-origin", headers: { "HX-Request": "true" } });
      if (!got.ok) throw new Error(String(got.status));
      const made = nodes(await got.text());
      if (isMore) more(made);
      else place.replaceChildren(...made);
      found.textContent = made.find((node) => node.dataset.count)?.dataset.count ?? "";
      place.removeAttribute("aria-busy");
    } catch (error) {
      if (error.name === "AbortError") return;
      place.removeAttribute("aria-busy");
      const words = error.message === "401" ? gettext("You are signed out. Sign in in another tab, then open this again.") : gettext("No answer from the server. Close this and try again.");
      place.replaceChildren(Object.assign(document.createElement("p"), { className: "t-bad", textContent: words }));
    }
  }

  /** Older ones behind those that are shown; the focus goes on with the first of them. */
  function more(made) {
    place.querySelector("[data-picture-more]").remove();
    const items = [...(made.find((node) => node.matches("ul"))?.children ?? [])];
    place.querySelector("ul").append(...items);
    place.append(...made.filter((node) => node.matches("button")));
    items[0]?.querySelector("button").focus();
  }

  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => load(`?q=${encodeURIComponent(search.value.trim())}`), WAIT_MS);
  });
  place.addEventListener("click", ({ target }) => {
    const older = target.closest("[data-picture-more]");
    const picture = target.closest("[data-picture]");
    if (older) load(older.dataset.pictureMore, { isMore: true });
    else if (picture) open(picture);
  });
  // One upload is what was wanted; of several, one is chosen.
  const uploaded = [];
  dialog.addEventListener("rh:picture", ({ detail }) => uploaded.push(detail.choice));
  dialog.addEventListener("rh:pictures", () => {
    const made = uploaded.splice(0);
    load("");
    if (made.length === 1) open(nodes(made[0])[0].querySelector("[data-picture]"));
  });
  dialog.querySelector("[data-picture-back]").addEventListener("click", () => {
    show("library");
    title.focus();
  });

  function open({ dataset }) {
    chosen = { ...dataset };
    form.elements.alt.value = dataset.alt || wanted;
    form.querySelector("[data-chosen-thumbnail]").src = dataset.thumbnail;
    form.querySelector("[data-chosen-name]").textContent = dataset.name;
    form.querySelector("[data-chosen-facts]").textContent = dataset.facts;
    form.querySelector("[data-chosen-wide]").hidden = !("wide" in dataset);
    form.elements.scale.checked = true;
    trouble.hidden = true;
    show("chosen");
    form.elements.alt.focus();
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.submitter?.setAttribute("aria-busy", "true");
    trouble.hidden = true;
    const alt = form.elements.alt.value.trim();
    try {
      if (alt && !chosen.alt) await post(chosen.change, { name: chosen.name, alternative_text: alt });
      if ("wide" in chosen && form.elements.scale.checked) {
        const copy = await post(chosen.scale, {});
        chosen = { ...nodes(copy.choice)[0].querySelector("[data-picture]").dataset };
      }
      answer = { url: chosen.url, alt, width: Number(chosen.shownWidth) };
      dialog.close();
    } catch {
      trouble.textContent = gettext("The server could not do that. Try again; if it stays, untick the copy.");
      trouble.hidden = false;
    } finally {
      event.submitter?.removeAttribute("aria-busy");
    }
  });

  async function post(address, values) {
    const got = await fetch(address, {
      method: "POST", body: new URLSearchParams(values), credentials: "same-origin",
      headers: { Accept: "application/json", "X-CSRFToken": token() },
    });
    if (!got.ok || !got.headers.get("Content-Type")?.includes("json")) throw new Error(String(got.status));
    return got.json();
  }
}
