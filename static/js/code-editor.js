// Text areas in `[data-code]` become code editors: colours for the language, line numbers, completion of merge
// fields, marks at the lines of findings. The text area stays in the form and always holds the text; without script
// it is simply used. `textarea.code` is what the page's own script talks to: insert, goTo, mark, setKind, focus.
// Tab leaves the editor as it leaves any field; Ctrl-] and Ctrl-[ indent.
// The text area is painted first: the text can be read, and written in, while CodeMirror starts. `code-ready` says on
// the document that the editors are there.
const painted = new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); });
const started = (address) => new Promise((done, fail) => {
  document.head.append(Object.assign(document.createElement("script"), { src: address, onload: done, onerror: fail }));
});
await painted;
await started(document.querySelector("link[data-code-editor]").href);
const CM = window.CodeMirror;
const FIELD = /\{\{-?\s*([\w.]*)$/;
const FILTER = /\{\{-?[^{}]*\|\s*(\w*)$/;
const STATEMENT = /\{%-?\s*(\w*)$/;
const WORDS = JSON.parse(document.getElementById("code-words")?.textContent ?? "{}");
const nonce = document.querySelector("link[nonce]")?.nonce ?? "";

// -- merge fields
const merged = new CM.MatchDecorator({
  regexp: /\{\{[^{}]*\}\}|\{%[^{}]*%\}|\{#[^{}]*#\}/g,
  decoration: (match) => CM.Decoration.mark({ class: match[0][1] === "{" ? "cm-field" : match[0][1] === "%" ? "cm-logic" : "cm-aside" }),
});
const showsFields = CM.ViewPlugin.define(
  (view) => ({
    decorations: merged.createDeco(view),
    update(change) { this.decorations = merged.updateDeco(change, this.decorations); },
  }),
  { decorations: (plugin) => plugin.decorations },
);

// Puts an expression between its braces, closing them where they are not closed yet; the caret goes to an empty
// fallback, else behind the braces.
function applyField(expression) {
  return (view, _completion, from, to) => {
    const after = view.state.sliceDoc(to, to + 40);
    const closed = /^\s*-?\}\}/.exec(after);
    const before = /\s$/.test(view.state.sliceDoc(Math.max(0, from - 1), from)) ? "" : " ";
    const text = `${before}${expression} }}`;
    const gap = text.indexOf('""');
    view.dispatch({
      changes: { from, to: closed ? to + closed[0].length : to, insert: text },
      selection: { anchor: from + (gap < 0 ? text.length : gap + 1) }, userEvent: "input.complete", scrollIntoView: true,
    });
  };
}

const fieldOptions = (WORDS.fields ?? []).map((field) => ({
  label: field.name, detail: field.label, section: field.group, type: "variable",
  apply: applyField(field.name + field.fallback),
}));
const filterOptions = (WORDS.filters ?? []).map((name) => ({ label: name, type: "function" }));
const statementOptions = [
  ["if", "if contact.first_name %}${…}{% endif", gettext("Only for some")],
  ["if else", "if contact.first_name %}${…}{% else %}${…}{% endif", gettext("Two texts")],
  ["for", "for ${item} in ${items} %}{{ ${item} }}{% endfor", gettext("For each of a list")],
  ["elif", "elif ${…}", gettext("Another case")], ["else", "else", gettext("In all other cases")],
  ["endif", "endif", ""], ["endfor", "endfor", ""],
].map(([label, template, detail]) => ({
  label, detail, type: "keyword",
  apply: (view, completion, from, to) => {
    const closed = /^\s*-?%\}/.exec(view.state.sliceDoc(to, to + 40)) ?? /^\}/.exec(view.state.sliceDoc(to, to + 1));
    const before = /\s$/.test(view.state.sliceDoc(Math.max(0, from - 1), from)) ? "" : " ";
    CM.snippet(`${before}${template} %}`)(view, completion, from, closed ? to + closed[0].length : to);
  },
}));

function completeMerge(context) {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const found = [[FILTER, filterOptions], [FIELD, fieldOptions], [STATEMENT, statementOptions]]
    .map(([pattern, options]) => [pattern.exec(before), options]).find(([match]) => match);
  if (!found) return null;
  return { from: context.pos - found[0][1].length, options: found[1], validFor: /^[\w.]*$/ };
}

// -- languages
const PADDING = ["padding", "padding-top", "padding-bottom", "padding-left", "padding-right"];
const BOX = ["background-color", "border", "border-radius", "css-class", "mj-class", ...PADDING];
const TYPE = ["align", "color", "font-family", "font-size", "font-style", "font-weight", "line-height", "text-decoration"];
const IN_COLUMN = ["accordion", "button", "carousel", "divider", "hero", "image", "navbar", "raw", "social", "spacer", "table", "text"];
const MJML = {
  head: [[], ["attributes", "breakpoint", "font", "html-attributes", "preview", "style", "title", "raw"]],
  attributes: [[], ["all", "class", ...IN_COLUMN, "section", "column", "body", "wrapper"]],
  all: [[...TYPE, ...BOX], []], class: [["name", ...TYPE, ...BOX], []],
  style: [["inline"], []], font: [["name", "href"], []], preview: [[], []], title: [[], []], breakpoint: [["width"], []],
  body: [["background-color", "width", "css-class"], ["section", "wrapper", "hero", "raw"]],
  wrapper: [["background-url", "background-size", "full-width", "text-align", ...BOX], ["section", "hero", "raw"]],
  section: [["background-url", "background-size", "direction", "full-width", "text-align", ...BOX], ["column", "group", "raw"]],
  group: [["width", "vertical-align", "direction", "background-color", "css-class"], ["column"]],
  column: [["width", "vertical-align", "inner-background-color", ...BOX], IN_COLUMN],
  text: [["height", "container-background-color", ...TYPE, ...BOX], []],
  button: [["href", "inner-padding", "target", "title", "rel", "width", "height", "vertical-align", "text-align", ...TYPE, ...BOX], []],
  image: [["src", "alt", "href", "width", "height", "align", "title", "fluid-on-mobile", "target", ...BOX], []],
  divider: [["border-color", "border-style", "border-width", "width", "align", ...BOX], []],
  spacer: [["height", "css-class"], []], raw: [[], []],
  table: [["width", "cellpadding", "cellspacing", "table-layout", ...TYPE, ...BOX], []],
  hero: [["mode", "height", "background-url", "background-width", "background-height", "background-position", ...BOX], IN_COLUMN],
  social: [["mode", "icon-size", "icon-padding", ...TYPE, ...BOX], ["social-element"]],
  "social-element": [["name", "href", "src", "alt", "background-color", ...TYPE], []],
  navbar: [["align", "hamburger", ...BOX], ["navbar-link"]], "navbar-link": [["href", "target", ...TYPE, ...BOX], []],
  accordion: [["border", "font-family", ...BOX], ["accordion-element"]],
  "accordion-element": [["background-color", "border"], ["accordion-title", "accordion-text"]],
  "accordion-title": [[...TYPE, ...BOX], []], "accordion-text": [[...TYPE, ...BOX], []],
  carousel: [["thumbnails", "border-radius", ...BOX], ["carousel-image"]], "carousel-image": [["src", "alt", "href", "title"], []],
};
const mjmlElements = [
  { name: "mjml", top: true, children: ["mj-head", "mj-body"], attributes: [] },
  ...Object.entries(MJML).map(([name, [attributes, children]]) => ({
    name: `mj-${name}`, attributes: [...new Set(attributes)].map((attribute) => ({ name: attribute })),
    children: children.map((child) => `mj-${child}`),
  })),
];
const LANGUAGES = {
  html: () => CM.html({ matchClosingTags: true, autoCloseTags: true }),
  mjml: () => CM.xml({ elements: mjmlElements, autoCloseTags: true }),
  markdown: () => CM.markdown({ completeHTMLTags: false, pasteURLAsLink: true }),
  text: () => [],
};

// What the editor itself says: its search (Ctrl-F), folded lines, and what is read out.
const PHRASES = {
  Find: gettext("Find"), Replace: gettext("Replace with"), next: gettext("Next"), previous: gettext("Previous"),
  all: gettext("Select all"), "match case": gettext("Match case"), "by word": gettext("Whole words"),
  regexp: gettext("Regular expression"), replace: gettext("Replace"), "replace all": gettext("Replace all"),
  close: gettext("Close"), "current match": gettext("This match"), "on line": gettext("in line"),
  "replaced match on line $": gettext("Replaced in line $"), "replaced $ matches": gettext("Replaced: $"),
  "Go to line": gettext("Go to line"), go: gettext("Go"), "Fold line": gettext("Fold"), "Unfold line": gettext("Unfold"),
  "Folded lines": gettext("Folded: lines"), "Unfolded lines": gettext("Unfolded: lines"), to: gettext("to"),
  "folded code": gettext("Folded code"), unfold: gettext("Unfold"), "Selection deleted": gettext("Selection deleted"),
  "Control character": gettext("Control character"), Completions: gettext("Suggestions"),
  Diagnostics: gettext("Findings"), "No diagnostics": gettext("No findings"),
};

// Writing over a selection of several lines: left to itself, Chromium would put a style attribute on the line that
// remains, which the content policy forbids.
const replacesItself = CM.EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== "insertText" || event.isComposing || empty || !event.data || view.state.readOnly) return false;
    const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    event.preventDefault();
    if (!view.state.facet(CM.EditorView.inputHandler).some((handler) => handler(view, from, to, event.data, insert))) view.dispatch(insert());
    return true;
  },
});

// -- one editor
function edit(textarea) {
  const form = textarea.form;
  const label = document.querySelector(`label[for="${textarea.id}"]`);
  const language = new CM.Compartment();
  const isFixed = textarea.matches(":disabled");
  const kindOf = () => (textarea.name !== "source" ? "text" : form?.elements.kind?.value ?? "html");
  const names = { "aria-labelledby": label ? (label.id ||= `${textarea.id}-label`) : "", spellcheck: "false", autocapitalize: "off", tabindex: "0" };
  if (textarea.getAttribute("aria-describedby")) names["aria-describedby"] = textarea.getAttribute("aria-describedby");
  if (isFixed) names["aria-readonly"] = "true";

  const view = new CM.EditorView({
    state: CM.EditorState.create({
      doc: textarea.value,
      extensions: [
        CM.EditorView.cspNonce.of(nonce), CM.EditorState.phrases.of(PHRASES), CM.lineNumbers(),
        CM.highlightSpecialChars(), CM.history(), CM.foldGutter(),
        CM.drawSelection(), CM.dropCursor(), CM.EditorState.allowMultipleSelections.of(true), CM.indentOnInput(),
        CM.indentUnit.of("  "), CM.syntaxHighlighting(CM.classHighlighter), CM.bracketMatching(), CM.closeBrackets(),
        CM.autocompletion({ icons: false }), CM.rectangularSelection(), CM.highlightActiveLine(),
        CM.highlightActiveLineGutter(), CM.highlightSelectionMatches(), CM.search({ top: true }), CM.lintGutter(),
        CM.EditorView.lineWrapping, CM.EditorView.contentAttributes.of(names), showsFields, replacesItself,
        CM.EditorState.languageData.of(() => [{ autocomplete: completeMerge }]),
        CM.EditorState.readOnly.of(isFixed), CM.EditorView.editable.of(!isFixed),
        language.of(LANGUAGES[kindOf()]?.() ?? []),
        CM.keymap.of([
          ...CM.closeBracketsKeymap, ...CM.defaultKeymap, ...CM.searchKeymap, ...CM.historyKeymap, ...CM.foldKeymap,
          ...CM.completionKeymap, ...CM.lintKeymap,
        ]),
        CM.EditorView.updateListener.of((change) => {
          if (!change.docChanged) return;
          textarea.value = change.state.doc.toString();
          textarea.dispatchEvent(new Event("input", { bubbles: true }));
        }),
        CM.EditorView.domEventHandlers({ focus: () => { textarea.dispatchEvent(new FocusEvent("focusin", { bubbles: true })); } }),
      ],
    }),
  });
  const { selectionStart: anchor, selectionEnd: head } = textarea;
  const wasIn = document.activeElement === textarea;
  textarea.hidden = true;
  textarea.before(view.dom);
  if (wasIn) {
    view.focus();
    view.dispatch({ selection: { anchor, head }, scrollIntoView: true });
  }
  label?.removeAttribute("for");
  label?.addEventListener("click", () => view.focus());
  textarea.code = controls(view, language);
  return view;
}

function controls(view, language) {
  return {
    focus: () => view.focus(),
    setKind: (kind) => view.dispatch({ effects: language.reconfigure(LANGUAGES[kind]?.() ?? []) }),
    insert(text, from = view.state.selection.main.from, to = view.state.selection.main.to) {
      const gap = text.indexOf('""') >= 0 ? text.indexOf('""') + 1 : text.indexOf("…");
      const anchor = from + (gap < 0 ? text.length : gap);
      view.dispatch({
        changes: { from, to, insert: text },
        selection: { anchor, head: text[gap] === "…" ? anchor + 1 : anchor }, scrollIntoView: true, userEvent: "input",
      });
      view.focus();
    },
    goTo(line) {
      const { from, to } = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
      view.dispatch({ selection: { anchor: from, head: to }, effects: CM.EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
    // findings: {line, severity, message, name}; the name is underlined in its line, else the line is.
    mark(findings) {
      const found = findings.filter(({ line }) => line >= 1 && line <= view.state.doc.lines).map((finding) => {
        const { from, text } = view.state.doc.line(finding.line);
        const at = finding.name ? text.indexOf(finding.name) : -1;
        const begin = at < 0 ? from + (text.length - text.trimStart().length) : from + at;
        const end = at < 0 ? from + text.trimEnd().length : begin + finding.name.length;
        return { from: Math.min(begin, end), to: Math.max(begin, end), severity: finding.severity, message: finding.message };
      });
      view.dispatch(CM.setDiagnostics(view.state, found.sort((a, b) => a.from - b.from)));
    },
  };
}

for (const textarea of document.querySelectorAll("[data-code] textarea")) edit(textarea);
document.dispatchEvent(new Event("code-ready"));
