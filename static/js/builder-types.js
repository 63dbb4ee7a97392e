// The blocks of a mail as components of GrapesJS: what may stand where, how they look in the canvas (compiled by
// MJML in the page, with the head of the mail), and the way from and to the tree of mjml-source.js.
const CONTENT = new Set(["mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer"]);
const NAMES = {
  "mj-body": gettext("The whole mail"), "mj-wrapper": gettext("Group of rows"), "mj-section": gettext("Row"), "mj-group": gettext("Columns that stay together"),
  "mj-column": gettext("Column"), "mj-hero": gettext("Hero"), "mj-text": gettext("Text"), "mj-button": gettext("Button"), "mj-image": gettext("Image"),
  "mj-divider": gettext("Divider"), "mj-spacer": gettext("Spacer"), "rh-code": gettext("Code"),
};
const ROOT_TAGS = { "mj-body": "div", "mj-wrapper": "div", "mj-section": "div", "mj-group": "div", "mj-hero": "div", "mj-column": "div" };
const IN_TABLE = new Set(["mj-column", "mj-hero"]);

function mailTypes(editor, text, handles) {
  const mail = { head: "", styles: new Set() };

  // -- from the tree and back
  function definition(node) {
    if (node.type === "code") return { type: "rh-code", source: node.source, label: node.label, was: node };
    const attributes = Object.fromEntries(node.attrs.map(({ name, raw }) => [name, mjmlSource.decode(raw)]));
    const made = { type: node.type, attributes, was: node };
    if (node.children) made.components = node.children.map(definition);
    else if (mjmlSource.WORDED.has(node.type)) Object.assign(made, { content: node.inner, editable: text.isFaithful(node.inner) });
    return made;
  }

  function node(model) {
    const type = model.get("type");
    const was = model.get("was");
    if (type === "rh-code") return { type: "code", source: model.get("source"), was };
    const attributes = { ...model.get("attributes") };
    if (!was?.attrs.some(({ name }) => name === "id")) delete attributes.id;
    const made = { type, attributes, was };
    if (mjmlSource.CONTAINERS.has(type)) made.children = model.components().map(node);
    else if (mjmlSource.WORDED.has(type)) made.inner = model.get("content");
    return made;
  }

  /** Pieces of MJML as definitions, such as a block of the panel holds. */
  function pieces(mjml, place) {
    const [before, after] = place === "column" ? ["<mj-section><mj-column>", "</mj-column></mj-section>"] : ["", ""];
    let parent = mjmlSource.read(`<mjml><mj-body>${before}${mjml}${after}</mj-body></mjml>`).root;
    if (place === "column") parent = parent.children[0].children[0];
    const bare = (made) => ({ ...made, was: undefined, components: made.components?.map(bare) });
    return parent.children.map((child) => bare(definition(child)));
  }

  // -- what may stand where
  function fits(source, target) {
    const type = source.get("type");
    const into = target.get("type");
    if (type === "rh-code") return mjmlSource.CONTAINERS.has(into) && into === source.get("level");
    // Content that is dropped between rows gets a row of its own, see `settle`.
    return (mjmlSource.HOLDS[into] ?? []).includes(type) || (into === "mj-body" && CONTENT.has(type));
  }

  // -- how it looks
  const compiled = new Map();
  const KEPT = 500;
  /** MJML as nodes that may be copied, not changed; blocks with the same attributes are compiled once. */
  const compile = (mjml) => {
    if (!compiled.has(mjml)) {
      if (compiled.size >= KEPT) compiled.clear();
      compiled.set(mjml, builderParts.harmlessPage(editor.runCommand("mjml-code-to-html", { mjml, validationLevel: "skip" }).html));
    }
    const { body, styles } = compiled.get(mjml);
    styles.forEach(addStyle);
    return body;
  };

  /** Rules of the mail for the canvas, each once; nothing in them may fetch a font or a sheet. */
  function addStyle(css) {
    const doc = editor.Canvas.getDocument();
    // The canvas shows the mail in the light; the preview shows it in the dark.
    const bare = css.replace(/\(\s*prefers-color-scheme\s*:\s*dark\s*\)/gi, "(max-width: 0)").replace(/@import[^;]*;?/gi, "").replace(/@font-face\s*\{[^}]*\}/gi, "").trim();
    if (!bare || !doc || mail.styles.has(bare)) return;
    mail.styles.add(bare);
    const style = doc.createElement("style");
    style.textContent = bare;
    doc.head.append(style);
  }

  const attributesOf = (model, left = []) => Object.entries(model.get("attributes") ?? {})
    .filter(([name, value]) => value !== "" && !left.includes(name) && name !== "id")
    .map(([name, value]) => ` ${name}="${mjmlSource.encode(String(value))}"`).join("");

  const around = (model) => {
    const body = model.closestType("mj-body");
    const width = body?.get("attributes").width;
    return (inner) => `<mjml>${mail.head}<mj-body${width ? ` width="${mjmlSource.encode(width)}"` : ""}>${inner}</mj-body></mjml>`;
  };

  const inside = {
    "mj-section": (open) => `${open}</mj-section>`, "mj-wrapper": (open) => `${open}</mj-wrapper>`, "mj-hero": (open) => `${open}</mj-hero>`,
    "mj-group": (open) => `<mj-section>${open}</mj-group></mj-section>`,
    "mj-column": (open, model) => `<mj-section>${open}</mj-column>${"<mj-column></mj-column>".repeat(Math.max(0, model.collection.filter((one) => one.get("type") !== "rh-code").length - 1))}</mj-section>`,
  };

  /** The compiled frame of a container, and the place in it where its children go. */
  const frames = {
    "mj-section": (page) => [page.firstElementChild.firstElementChild, "td"],
    "mj-wrapper": (page) => [page.firstElementChild.firstElementChild, "td"],
    "mj-hero": (page) => [page.firstElementChild.firstElementChild, ".mj-hero-content td, td"],
    "mj-column": (page) => [page.querySelector("td > div"), "tbody"],
    "mj-group": (page) => [page.querySelector("td > div"), ""],
  };

  const container = {
    render() {
      const { model, el } = this;
      const type = model.get("type");
      this.renderAttributes();
      const open = `<${type}${attributesOf(model)}>`;
      const [frame, box] = frames[type](compile(around(model)(inside[type](open, model))));
      el.className = `${frame.className} rh-${type}`;
      el.setAttribute("style", frame.getAttribute("style") ?? "");
      el.replaceChildren(...el.ownerDocument.importNode(frame, true).childNodes);
      const places = box ? el.querySelectorAll(box) : [];
      const place = places[places.length - 1] ?? el;
      place.setAttribute("data-rh-box", "");
      place.replaceChildren(); // GrapesJS counts what stands in it, white space as well
      this.renderChildren();
      this.updateStatus();
      this.postRender();
      return this;
    },
    getChildrenContainer() { return this.el.hasAttribute("data-rh-box") ? this.el : this.el.querySelector("[data-rh-box]") ?? this.el; },
    renderChildren() {
      this.childrenView?.remove?.();
      const Views = editor.Components.ComponentsView;
      this.childrenView = new Views({ collection: this.model.components(), config: this.config, componentTypes: this.opts.componentTypes });
      const made = this.childrenView.render(this.getChildrenContainer()).el;
      this.childNodes = Array.from(made.childNodes);
      this.getChildrenContainer().append(...this.childNodes);
    },
  };

  /** One child of a column: compiled as a row of its table. */
  const leaf = {
    tagName: "tr",
    render() {
      const { model, el } = this;
      const type = model.get("type");
      this.renderAttributes();
      el.className = `rh-${type}`;
      const attributes = attributesOf(model);
      const page = compile(around(model)(`<mj-section><mj-column><${type}${attributes}></${type}></mj-column></mj-section>`));
      const row = page.querySelector("td > div tbody > tr") ?? page.querySelector("td > div td")?.parentElement;
      el.replaceChildren(...(row ? el.ownerDocument.importNode(row, true).childNodes : []));
      this.updateContent();
      this.updateStatus();
      this.postRender();
      return this;
    },
    renderChildren() {},
    getChildrenContainer() {
      const type = this.model.get("type");
      return (type === "mj-text" && this.el.querySelector("td > div")) || (type === "mj-button" && this.el.querySelector("a, p")) || this.el;
    },
    updateContent() {
      if (!mjmlSource.WORDED.has(this.model.get("type")) || !this.el.firstChild) return;
      const place = this.getChildrenContainer();
      place.replaceChildren(text.toCanvas(this.model.get("content") ?? "", place.ownerDocument));
    },
  };

  const codeView = {
    tagName() { return IN_TABLE.has(this.model.get("level")) ? "tr" : "div"; },
    render() {
      const { model, el } = this;
      const level = model.get("level");
      this.renderAttributes();
      const { text: hidden, tags } = mjmlSource.hide(model.get("source"));
      const shownSource = hidden.replace(/rhtag(\d+)x/g, (_, number) => (tags[number].startsWith("{{") ? mjmlSource.encode(text.called(tags[number])) : ""));
      const wrap = { "mj-column": ["<mj-section><mj-column>", "</mj-column></mj-section>"], "mj-section": ["<mj-section>", "</mj-section>"], "mj-group": ["<mj-section>", "</mj-section>"] }[level] ?? ["", ""];
      el.className = "rh-code";
      const label = el.ownerDocument.createElement("span");
      label.className = "rh-code-name";
      label.textContent = model.get("label");
      const shown = el.ownerDocument.createElement("div");
      shown.className = "rh-code-look";
      try {
        shown.append(...el.ownerDocument.importNode(compile(around(model)(wrap[0] + shownSource + wrap[1])), true).childNodes);
      } catch { /* MJML cannot show it; its name is enough */ }
      const cell = el.localName === "tr" ? el.ownerDocument.createElement("td") : el;
      if (cell !== el) el.replaceChildren(cell);
      cell.replaceChildren(label, shown);
      this.updateStatus();
      this.postRender();
      return this;
    },
    renderChildren() {},
    updateContent() {},
    onActive() {},
  };

  const shared = {
    init() {
      this.stopListening(this.model, "change:style");
      this.stopListening(this.model, "change:attributes");
      this.listenTo(this.model, "change:attributes change:source", () => this.render());
      if (ROOT_TAGS[this.model.get("type")]) this.listenTo(this.model.components(), "add remove reset", this.settle);
    },
    /** Columns share the width: where one comes or goes, the others change. */
    settle() {
      if (this.model.get("type") !== "mj-section" && this.model.get("type") !== "mj-group") return;
      for (const child of this.model.components().models) child.view?.render();
    },
    updateAttributes() {
      const { model, el } = this;
      const kept = { class: el.getAttribute("class"), style: el.getAttribute("style") };
      for (const { name } of [...el.attributes]) el.removeAttribute(name);
      for (const [name, value] of Object.entries(kept)) if (value) el.setAttribute(name, value);
      el.id = model.getId();
      el.dataset.gjsType = model.get("type");
      if (this.__isDraggable()) el.draggable = true;
    },
    renderStyle() {},
    updateStyle() {},
    updateClasses() { this.updateStatus(); },
    rerender() { this.render(); },
  };

  const model = {
    init() {},
    handleAttributeChange() {},
    handleStyleChange() {},
    getMjmlAttributes() { return { ...this.get("attributes") }; },
  };

  function add(type, view, more = {}) {
    const isRoot = type === "mj-body";
    const defaults = {
      name: NAMES[type], "style-default": {}, style: {}, traits: [], stylable: false, highlightable: true, hoverable: true,
      draggable: isRoot ? false : fits, droppable: mjmlSource.CONTAINERS.has(type) ? (source, target) => fits(source, target) : false,
      copyable: !isRoot, removable: !isRoot, resizable: false, src: "", void: false, toolbar: isRoot ? [] : handles, ...more,
    };
    editor.Components.addType(type, { isComponent: () => false, model: { ...model, defaults }, view: { ...shared, ...view } });
  }

  for (const type of ["mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"]) add(type, container);
  for (const type of CONTENT) add(type, leaf);
  add("mj-body", {
    ...container,
    render() {
      const { model: body, el } = this;
      this.renderAttributes();
      const { width = "600px", "background-color": colour = "" } = body.get("attributes");
      el.className = "rh-mj-body";
      el.style.backgroundColor = colour;
      const box = el.ownerDocument.createElement("div");
      box.setAttribute("data-rh-box", "");
      box.style.maxWidth = /^\d+(px)?$/.test(width) ? `${Number.parseInt(width, 10)}px` : "600px";
      el.replaceChildren(box);
      this.renderChildren();
      this.updateStatus();
      this.postRender();
      return this;
    },
  });
  editor.Components.addType("rh-code", {
    isComponent: () => false,
    model: { defaults: { name: NAMES["rh-code"], source: "", label: "", level: "", draggable: fits, droppable: false, editable: false, highlightable: true, toolbar: handles, traits: [], stylable: false } },
    view: { ...shared, ...codeView },
  });
  editor.Components.addType("mjml", {
    model: { ...model, defaults: { draggable: false, droppable: false, selectable: false, hoverable: false, highlightable: false, "style-default": {}, style: {} } },
    view: { ...shared, render() { this.renderAttributes(); this.renderChildren(); this.postRender(); return this; }, getChildrenContainer() { return this.el; }, renderChildren: container.renderChildren },
  });

  editor.Components.addType("wrapper", { model: { defaults: { droppable: false, draggable: false, highlightable: false, selectable: false, hoverable: false } } });

  /** Every piece of code learns what it stands in. */
  const withLevels = (made, parent = "") => ({
    ...made, ...(made.type === "rh-code" ? { level: parent } : {}), components: made.components?.map((child) => withLevels(child, made.type)),
  });

  /** Show a tree. */
  function open(tree) {
    mail.head = headFor(tree.before);
    mail.styles.clear();
    for (const [, css] of mail.head.matchAll(/<mj-style\b[^>]*>([\s\S]*?)<\/mj-style>/gi)) addStyle(css);
    editor.setComponents([{ type: "mjml", components: [withLevels(definition(tree.root))] }]);
  }

  /** The head without what would be fetched; merge tags in it are no use to the canvas. */
  function headFor(before) {
    const found = /<mj-head\b[\s\S]*<\/mj-head\s*>/i.exec(before)?.[0] ?? "";
    return mjmlSource.hide(found).text.replace(/rhtag\d+x/g, "").replace(/<mj-font\b[^>]*(\/>|>\s*<\/mj-font>)/gi, "").replace(/<mj-raw\b[\s\S]*?<\/mj-raw>/gi, "");
  }

  const body = () => editor.getWrapper().findType("mj-body")[0];
  return { open, node, pieces, fits, body, mail, NAMES, CONTENT };
}

globalThis.builderParts = { ...globalThis.builderParts, mailTypes };
