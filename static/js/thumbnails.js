// Small pictures of mails load when they come into sight: until then their place is calm, not white paper.
for (const frame of document.querySelectorAll(".tpl-thumb iframe")) {
  if (performance.getEntriesByName(frame.src).length) continue;
  frame.dataset.waits = "";
  frame.addEventListener("load", () => delete frame.dataset.waits, { once: true });
}
