// The preview of a campaign's content follows what is chosen on the page, saved or not. Without script it shows
// what is saved.
const PAUSE_MS = 500;
const NAMES = ["template", "subject", "as", "show", "dark", "images"];
const place = document.querySelector("[data-preview]");
const form = document.querySelector("[data-preview-form]");
if (place && form) {
  let timer;
  const show = () => {
    const query = new URLSearchParams();
    for (const name of NAMES) query.set(name, new FormData(form).get(name) ?? "");
    const old = place.querySelector("iframe");
    const frame = old.cloneNode(false);
    frame.src = `${place.dataset.preview}?${query}`;
    old.replaceWith(frame);
  };
  const later = (event) => {
    if (!NAMES.includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(show, event.type === "input" && !["radio", "checkbox"].includes(event.target.type) ? PAUSE_MS : 0);
  };
  for (const root of [form, place]) {
    root.addEventListener("input", later);
    root.addEventListener("change", later);
  }
}
