// What scripts say, in the page's language: gettext("Saved %(at)s", { at }) and ngettext("%(count)s list", "%(count)s
// lists", number). Translations come before it (core.script_words); without them, in English, a text is itself.
const { texts = {}, form = (number) => Number(number !== 1) } = globalThis.catalogue ?? {};
const filled = (text, values) => text.replace(/%\((\w+)\)s/g, (place, name) => values[name] ?? place);

globalThis.gettext = (text, values = {}) => filled(texts[text] ?? text, values);
globalThis.ngettext = (one, many, number, values = {}) => {
  const count = number.toLocaleString(document.documentElement.lang);
  return filled((texts[one] ?? [one, many])[form(number)], { count, ...values });
};
