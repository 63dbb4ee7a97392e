// Light or dark. Runs before the page is painted: where the person has not chosen, the system's wish counts.
// The choice is kept in a cookie, so that the server renders the right theme at once.
(() => {
  const root = document.documentElement;
  if (!root.dataset.bsTheme || root.dataset.themeAuto !== undefined) {
    root.dataset.bsTheme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-toggle]")) return;
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    root.dataset.bsTheme = theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    document.dispatchEvent(new CustomEvent("rh:theme", { detail: theme }));
  });
})();
