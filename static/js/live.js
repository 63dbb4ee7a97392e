// Live numbers. <div data-live="/events-address" [data-live-every="5"]> listens by server-sent events; each event
// `update` (and each polled JSON answer of the same address) is
//   {"values": {key: text}, "widths": {key: percent}, "html": {id: markup}, "charts": {id: data}, "end": false,
//    "notices": [{id, text, detail, kind, url, label}]}, each notice shown once a browser as a toast
// It fills [data-live-key=key], the width of [data-live-width=key], replaces #id, and redraws charts.
// A hidden page closes its stream; where events do not come through, or a session has its streams open already
// (204), the page asks every few seconds instead. An element with [data-live-steady] is not replaced under the
// pointer or the focus: its newest state waits until they leave, so that a button never moves away from a click.
// [data-live-state] says in words whether the figures follow, and holds "live", "slow" or "lost" for its colour.
// `end` (or the event `end`) stops; [data-live-reload] then loads the page anew to show its final state.
const FAILURES_BEFORE_POLLING = 3;
const TOLD_AFTER_MS = 5000;
const LOST = gettext("Connection lost, trying again. The figures stand still.");

class Live {
  constructor(element) {
    this.element = element;
    this.address = element.dataset.live;
    this.everyMs = Number(element.dataset.liveEvery ?? 5) * 1000;
    this.failures = 0;
    this.ended = false;
    document.addEventListener("visibilitychange", this.visibility);
    addEventListener("pagehide", this.close);
    addEventListener("pageshow", this.visibility);
    this.open();
  }

  visibility = () => (document.hidden ? this.close() : this.open());

  open() {
    if (this.ended || this.source || this.timer || document.hidden || !this.element.isConnected) return;
    if (this.failures >= FAILURES_BEFORE_POLLING || typeof EventSource === "undefined") {
      this.poll();
      return;
    }
    this.source = new EventSource(this.address);
    this.source.addEventListener("open", () => {
      this.failures = 0;
      clearTimeout(this.lost);
      this.say("live", gettext("Live"));
    });
    this.source.addEventListener("update", (event) => this.apply(JSON.parse(event.data)));
    this.source.addEventListener("end", () => this.finish());
    this.source.addEventListener("error", () => {
      this.failures += 1;
      clearTimeout(this.lost); // every few minutes a stream ends and the next one follows at once: nothing is lost
      this.lost = setTimeout(() => this.say("lost", LOST), TOLD_AFTER_MS);
      const dead = this.source?.readyState === EventSource.CLOSED;
      if (dead) this.failures = FAILURES_BEFORE_POLLING;
      if (this.failures >= FAILURES_BEFORE_POLLING) {
        this.close();
        this.open();
      }
    });
  }

  close = () => {
    this.source?.close();
    clearTimeout(this.timer);
    clearTimeout(this.lost);
    this.source = this.timer = undefined;
  };

  async poll() {
    this.timer = setTimeout(() => { this.timer = undefined; this.poll(); }, this.everyMs);
    if (!this.element.isConnected) return this.finish();
    try {
      const answer = await fetch(this.address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.redirected) this.leave(); // signed out: the next click asks to sign in
      else if (answer.ok && answer.headers.get("content-type")?.startsWith("application/json")) {
        this.apply(await answer.json());
        this.say("slow", gettext("Asked every %(seconds)s s", { seconds: this.everyMs / 1000 }));
      }
      else if (answer.status === 401 || answer.status === 403 || answer.status === 404) this.finish();
      else this.say("lost", gettext("The server does not answer, trying again. The figures stand still."));
    } catch {
      // no network: the next turn asks again
      this.say("lost", LOST);
    }
  }

  say(state, words) {
    for (const place of document.querySelectorAll("[data-live-state]")) {
      if (place.dataset.liveState === state) continue;
      place.dataset.liveState = state;
      place.textContent = words;
    }
  }

  hold(id, markup) {
    if (!this.held) {
      this.held = new Map();
      for (const name of ["pointerout", "focusout"]) document.addEventListener(name, this.release);
    }
    this.held.set(id, markup);
  }

  release = () => setTimeout(() => {
    const held = this.held;
    if (!held || this.ended) return;
    this.held = new Map();
    this.replace(Object.fromEntries(held));
  }, 0);

  replace(html) {
    let changed = false;
    for (const [id, markup] of Object.entries(html)) {
      const old = document.getElementById(id);
      if (!old) continue;
      const steady = old.dataset.liveSteady !== undefined;
      if (old.contains(document.activeElement) || (steady && old.matches(":hover"))) {
        if (steady) this.hold(id, markup);
        continue;
      }
      this.held?.delete(id);
      const parsed = new DOMParser().parseFromString(markup, "text/html").body;
      const fresh = [...parsed.childNodes].map((node) => document.importNode(node, true));
      old.replaceWith(...fresh);
      for (const node of fresh) if (node.nodeType === Node.ELEMENT_NODE) window.htmx?.process(node);
      changed = true;
    }
    if (changed) document.dispatchEvent(new CustomEvent("rh:content"));
  }

  apply({ values = {}, widths = {}, html = {}, charts = {}, notices = [], end = false }) {
    for (const [key, text] of Object.entries(values)) {
      for (const element of document.querySelectorAll(`[data-live-key="${CSS.escape(key)}"]`)) {
        if (element.textContent !== text) element.textContent = text;
      }
    }
    for (const [key, percent] of Object.entries(widths)) {
      for (const bar of document.querySelectorAll(`[data-live-width="${CSS.escape(key)}"]`)) bar.setAttribute("width", `${percent}%`);
    }
    this.replace(html);
    for (const notice of notices) if (isNews(notice)) document.dispatchEvent(new CustomEvent("rh:toast", { detail: notice }));
    for (const [id, data] of Object.entries(charts)) document.dispatchEvent(new CustomEvent("rh:chart", { detail: { id, data } }));
    document.dispatchEvent(new CustomEvent("rh:live", { detail: { values } }));
    if (end) this.finish();
  }

  leave() {
    this.ended = true;
    this.close();
    document.removeEventListener("visibilitychange", this.visibility);
    removeEventListener("pageshow", this.visibility);
  }

  finish() {
    this.leave();
    if (this.element.dataset.liveReload !== undefined && this.element.isConnected) location.reload();
  }
}

const NOTICES_KEPT = 50;

// Not told before in this browser, and not what the page itself shows.
function isNews({ id, url }) {
  let told = [];
  try {
    told = JSON.parse(localStorage.getItem("rh-told") ?? "[]");
    if (told.includes(id)) return false;
    localStorage.setItem("rh-told", JSON.stringify([...told, id].slice(-NOTICES_KEPT)));
  } catch {
    // no storage: telling twice is better than not at all
  }
  return url !== location.pathname && !document.querySelector("[data-notices-shown]");
}

const known = new WeakSet();
function start() {
  for (const element of document.querySelectorAll("[data-live]")) {
    if (known.has(element)) continue;
    known.add(element);
    new Live(element);
  }
}
start();
document.addEventListener("rh:content", start);
