// Uploads to the picture library: each file of [data-picture-upload] is sent for itself, with its progress and what is
// wrong with it. The element hears `rh:picture` for each that is in the library, and `rh:pictures` when all are done.
const SHOWN_MS = 4000;
const token = () => document.querySelector('meta[name="csrf-token"]').content;

for (const zone of document.querySelectorAll("[data-picture-upload]")) start(zone);

function start(zone) {
  const input = zone.querySelector("input[type=file]");
  const scale = zone.querySelector("[name=scale]");
  const list = zone.querySelector("[data-picture-queue]");
  const shape = zone.querySelector("[data-picture-row]").content.firstElementChild;
  const waiting = [];
  let isBusy = false;

  input.addEventListener("change", () => {
    for (const file of input.files) waiting.push({ file, row: add(file) });
    input.value = "";
    work();
  });
  list.addEventListener("click", (event) => {
    if (!event.target.closest("[data-picture-dismiss]")) return;
    event.target.closest("li").remove();
    input.focus();
  });

  function add(file) {
    const row = shape.cloneNode(true);
    row.querySelector("[data-name]").textContent = file.name;
    list.append(row);
    return row;
  }

  async function work() {
    if (isBusy) return;
    isBusy = true;
    let taken = 0;
    let refused = 0;
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const told = await send(next);
      if (told.message) refused += 1;
      else taken += 1;
      settle(next.row, told);
      if (!told.message) zone.dispatchEvent(new CustomEvent("rh:picture", { detail: told, bubbles: true }));
    }
    isBusy = false;
    zone.querySelector("[data-picture-said]").textContent = [taken ? gettext("%(count)s in the library.", { count: taken }) : "", refused ? gettext("%(count)s not taken.", { count: refused }) : ""].join(" ").trim();
    if (taken) zone.dispatchEvent(new CustomEvent("rh:pictures", { bubbles: true }));
  }

  function send({ file, row }) {
    const most = Number(zone.dataset.most);
    if (file.size > most) return Promise.resolve({ message: gettext("This file is larger than %(size)s MB. Save the picture smaller: mails are about 600 pixels wide.", { size: most / 1024 / 1024 }) });
    const body = new FormData();
    body.append("file", file);
    if (scale.checked) body.append("scale", "1");
    const bar = row.querySelector("progress");
    const state = row.querySelector("[data-state]");
    state.textContent = gettext("Uploading");
    return new Promise((done) => {
      const request = new XMLHttpRequest();
      request.open("POST", zone.dataset.pictureUpload);
      request.setRequestHeader("X-CSRFToken", token());
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        if (!event.lengthComputable) return;
        bar.value = event.loaded / event.total;
        if (event.loaded === event.total) state.textContent = gettext("Looking at it");
      });
      request.addEventListener("load", () => done(toldBy(request)));
      request.addEventListener("error", () => done({ message: gettext("The connection is lost. Choose the file again when it is back.") }));
      request.send(body);
    });
  }

  function toldBy(request) {
    if (request.getResponseHeader("Content-Type")?.includes("json")) return JSON.parse(request.responseText);
    if (request.status === 413) return { message: gettext("The web server takes no file as large as this. Save the picture smaller.") };
    if (request.status === 403) return { message: gettext("You may not upload pictures, or this page is too old. Reload it.") };
    if (request.status < 400) return { message: gettext("You are signed out. Sign in in another tab, then choose the file again.") };
    return { message: gettext("The server could not take it. Try again in a minute.") };
  }

  function settle(row, told) {
    row.querySelector("progress").hidden = true;
    row.querySelector('[data-mark="wait"]').remove();
    row.querySelector(`[data-mark="${told.message ? "bad" : "ok"}"]`).hidden = false;
    const state = row.querySelector("[data-state]");
    if (told.message) state.textContent = told.message;
    else state.textContent = told.is_new ? gettext("In the library, %(size)s", { size: told.size }) : gettext("It was in the library already, as “%(name)s”", { name: told.name });
    row.querySelector("[data-picture-dismiss]").hidden = false;
    if (!told.message && told.is_new) setTimeout(() => { if (!row.contains(document.activeElement)) row.remove(); }, SHOWN_MS);
  }
}

// -- the library's page
document.addEventListener("rh:pictures", async () => {
  const place = document.getElementById("pictures");
  if (!place) return;
  const answer = await fetch(location.pathname, { credentials: "same-origin" });
  const fresh = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("pictures");
  if (!fresh) return;
  place.replaceWith(document.importNode(fresh, true));
  // What is new stands on the first page, without a filter.
  if (location.search) history.replaceState(null, "", location.pathname);
});
