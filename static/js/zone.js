// The time zone of this browser: given along when an account is made, and named on Home where it is not the one that
// the person's times are shown in.
const KEY = "rh:zone-note";
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

for (const field of document.querySelectorAll("[data-own-zone]")) field.value = here || field.value;

/** What clocks show in winter and in summer: zones with the same clocks are one for us. */
function clocks(zone) {
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset", year: "numeric" });
  const year = new Date().getUTCFullYear();
  return [0, 6].map((month) => format.formatToParts(new Date(Date.UTC(year, month, 15))).find(({ type }) => type === "timeZoneName").value).join();
}

function dismissed(words) {
  try { return localStorage.getItem(KEY) === words; } catch { return false; }
}

const note = document.querySelector("[data-zone-note]");
if (note && here) {
  const words = `${note.dataset.zoneNote} ${here}`;
  if (clocks(note.dataset.zoneNote) !== clocks(here) && !dismissed(words)) {
    note.querySelector("[data-zone-here]").textContent = here;
    note.hidden = false;
    note.querySelector("button").addEventListener("click", () => {
      note.hidden = true;
      try { localStorage.setItem(KEY, words); } catch { /* storage is closed: it comes back with the next page */ }
    });
  }
}
