// The visual builder, in a frame of its own whose policy allows what drawing a mail needs and nothing else. It gets
// the source from the page around it and gives it back after every change; that page saves.
const { textOf, writing, mailTypes, settingsOf, harmlessPage } = globalThis.builderParts;
const kit = JSON.parse(document.getElementById("kit").textContent);
const $ = (selector) => document.querySelector(selector);
const TELL_MS = 250;

const editor = grapesjs.init({
  container: "#canvas", height: "100%", width: "auto", fromElement: false, cssIcons: "", telemetry: false,
  storageManager: false, noticeOnUnload: false, panels: { defaults: [] }, showDevices: false, showToolbar: true,
  blockManager: { custom: true }, layerManager: { custom: true }, styleManager: { custom: true }, traitManager: { custom: true },
  selectorManager: { custom: true }, assetManager: { custom: { open() { pickPicture(); }, close() {} } }, multipleSelection: false,
  canvasCss: ".gjs-selected { outline-color: var(--accent) !important; } .gjs-selected-parent { outline-color: var(--accent-line) !important; }",
  deviceManager: { devices: [{ id: "desktop", name: "Desktop", width: "" }, { id: "phone", name: "Phone", width: "375px", widthMedia: "480px" }] },
  canvas: { styles: document.body.dataset.canvasCss.split(" "), allowExternalDrop: false },
  plugins: [(one) => globalThis["grapesjs-mjml"].default(one, {
    blocks: [], resetBlocks: true, resetDevices: false, resetStyleManager: false, overwriteExport: false, useCustomTheme: false,
    // A name that no mail uses keeps MJML from linking its own list of fonts.
    columnsPadding: "", imagePlaceholderSrc: "data:,", fonts: { "no font is fetched": "" },
  })],
});
const text = textOf(kit);
// Its own keys would answer to single letters; these are the ones a person expects.
editor.Keymaps.removeAll();
editor.Keymaps.add("undo", "⌘+z, ctrl+z", "core:undo", { prevent: true });
editor.Keymaps.add("redo", "⌘+shift+z, ctrl+shift+z, ctrl+y", "core:redo", { prevent: true });
editor.Keymaps.add("remove", "backspace, delete", () => remove(), { prevent: true });
const handle = (name, command, attributes = {}) => ({ attributes: { "aria-hidden": "true", ...attributes }, command, label: `<svg class="i"><use href="${document.body.dataset.icons}#${name}"></use></svg>` });
// The same acts stand in the panel, for keyboards; these are for the mouse.
const types = mailTypes(editor, text, [
  handle("grip-vertical", "tlb-move", { title: gettext("Drag to move"), draggable: "true" }),
  handle("copy", () => copy(editor.getSelected()), { title: gettext("Copy") }),
  handle("trash", () => remove(), { title: gettext("Remove") }),
]);
const bar = $("#write-bar");
const pen = writing(editor, text, bar);
let tree = null;
let told = "";

const icon = (name) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("class", "i");
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
  made.append(use);
  return made;
};

// -- the page around -----------------------------------------------------------------------------------------------
const tell = (message) => parent.postMessage(message, location.origin);
const source = () => tree.before + mjmlSource.write(types.node(types.body())) + tree.after;

addEventListener("message", ({ origin, source: from, data }) => {
  if (origin !== location.origin || from !== parent) return;
  if (data.type === "open") open(data.source);
  else if (data.type === "theme") document.documentElement.dataset.bsTheme = data.theme;
  else if (data.type === "line" && tree) goTo(data.line);
  else if (data.type === "picture") tookPicture(data.picture);
  else if (data.type === "flush" && tree) finish().then(() => tell({ type: "flushed", source: source() }));
});

function refuse(reason, line) {
  $("#workbench").hidden = true;
  tell({ type: "refused", reason, line });
}

function open(given) {
  try {
    tree = mjmlSource.read(given);
    types.open(tree);
  } catch (error) {
    if (!(error instanceof mjmlSource.Unreadable)) throw error;
    refuse(error.message, error.line);
    return;
  }
  if (source() !== given) {
    refuse(gettext("The builder would change this template by opening it"), null);
    return;
  }
  told = given;
  editor.UndoManager.clear();
  $("#workbench").hidden = false;
  editor.select(null);
  show();
  tell({ type: "opened" });
}

let timer;
function changed() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (!tree) return;
    drawLayers();
    showSteps();
    const now = source();
    if (now === told) return;
    told = now;
    tell({ type: "changed", source: now });
  }, TELL_MS);
}

/** End the writing, so that its words are in the tree. */
async function finish() {
  if (editor.getEditing()) await editor.getEditing().getView().disableEditing();
}

/** The block that stands at a line of the source. */
function goTo(line) {
  let at = 0;
  const now = source();
  for (let left = line - 1; left > 0 && at >= 0; left -= 1) at = now.indexOf("\n", at) + 1;
  const end = now.indexOf("\n", at) < 0 ? now.length : now.indexOf("\n", at);
  let best = null;
  const look = (model) => {
    const made = mjmlSource.write(types.node(model)).trim();
    const begin = now.indexOf(made);
    if (begin >= 0 && begin < end && begin + made.length > at) best = model;
    model.components().forEach(look);
  };
  look(types.body());
  if (best) choose(best);
}

// -- choosing ------------------------------------------------------------------------------------------------------
function choose(model) {
  editor.select(model);
  model?.view?.el?.scrollIntoView?.({ block: "nearest" });
}

const trail = (model) => {
  const made = [];
  for (let one = model; one && one.get("type") !== "mjml" && one.get("type") !== "wrapper"; one = one.parent()) made.unshift(one);
  return made;
};

function show() {
  const model = editor.getSelected();
  const title = $("#settings-title");
  const place = $("#settings-fields");
  const path = $("#settings-trail");
  const shown = model ?? (tree && types.body());
  if (!shown) return;
  title.textContent = types.NAMES[shown.get("type")];
  place.replaceChildren(...fieldsOf(shown));
  path.replaceChildren(...trail(shown).slice(0, -1).map((one) => {
    const button = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: types.NAMES[one.get("type")] });
    button.addEventListener("click", () => choose(one));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  path.hidden = !path.children.length;
  for (const button of document.querySelectorAll("[data-act]")) button.disabled = !can(button.dataset.act, shown);
  $("#settings-acts").hidden = shown.get("type") === "mj-body";
  drawLayers();
}

const fieldsOf = settingsOf({
  mail: types.mail, brand: kit.swatches, icon, codeUrl: document.body.dataset.code,
  onWrite: write, onPicture: pickPicture, actions: { addColumn },
});

// -- pictures: the page around shows the library, for this frame may ask the server for nothing
let picking = null;
const settingButtons = () => [...document.querySelectorAll("#settings-fields button")];
function pickPicture(model = editor.getSelected(), key = "src") {
  if (!model || (key === "src" && model.get("type") !== "mj-image")) return;
  picking = { model, key, from: settingButtons().indexOf(document.activeElement) };
  tell({ type: "picture", alt: key === "src" ? model.get("attributes").alt ?? "" : "" });
}

function tookPicture(picture) {
  const { model, key, from } = picking ?? {};
  picking = null;
  if (!model) return;
  if (picture) {
    const told = key === "src" ? { src: picture.url, alt: picture.alt, width: `${picture.width}px` } : { [key]: picture.url };
    model.set("attributes", { ...model.get("attributes"), ...told });
    choose(model);
    show();
  }
  settingButtons()[from]?.focus();
}

function write(model) {
  editor.select(model);
  setTimeout(() => model.trigger("active"), 0);
}

// -- acts on a block -------------------------------------------------------------------------------------------------
const neighbours = (model) => model.parent()?.components().models ?? [];
const can = (act, model) => {
  const type = model.get("type");
  if (type === "mj-body") return false;
  const at = model.index();
  if (act === "up") return at > 0;
  if (act === "down") return at < neighbours(model).length - 1;
  return true;
};

function move(model, by) {
  const parent = model.parent();
  const at = model.index() + by;
  if (at < 0 || at >= parent.components().length) return;
  model.move(parent, { at: by > 0 ? at + 1 : at });
  choose(model);
}

function remove(model = editor.getSelected()) {
  if (!model || model.get("type") === "mj-body") return;
  const around = model.parent();
  const next = neighbours(model)[model.index() + 1] ?? neighbours(model)[model.index() - 1];
  model.remove();
  choose(next ?? (around.get("type") === "mj-body" ? null : around));
  changed();
}

function copy(model) {
  const [made] = [model.parent().append(model.clone(), { at: model.index() + 1 })].flat();
  choose(made);
}

function addColumn(section) {
  const [made] = section.append({ type: "mj-column", attributes: {}, components: [] });
  choose(made);
}

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  const model = editor.getSelected();
  if (!act || !model) return;
  if (act === "up") move(model, -1);
  else if (act === "down") move(model, 1);
  else if (act === "copy") copy(model);
  else if (act === "remove") remove(model);
});

// -- blocks ----------------------------------------------------------------------------------------------------------
/** Put a block behind the chosen one, in a row and column of its own where it needs one. */
function insert(key) {
  const block = kit.blocks.find((one) => one.key === key);
  const made = types.pieces(block.mjml, block.place);
  const chosen = editor.getSelected();
  const added = block.place === "column" ? intoColumn(made, chosen) : intoBody(made, chosen);
  choose(added);
  return added;
}

const lastOf = (list) => [list].flat().at(-1);

function intoColumn(made, chosen) {
  const path = chosen ? trail(chosen) : [];
  const box = path.findLast((one) => ["mj-column", "mj-hero"].includes(one.get("type")));
  if (box) {
    const inBox = path[path.indexOf(box) + 1];
    return lastOf(box.append(made, { at: inBox ? inBox.index() + 1 : box.components().length }));
  }
  const row = path.findLast((one) => one.get("type") === "mj-section");
  const column = row?.findFirstType("mj-column");
  if (column) return lastOf(column.append(made));
  const [section] = [intoBody([{ type: "mj-section", attributes: { "background-color": "#ffffff" }, components: [{ type: "mj-column", attributes: {}, components: made }] }], chosen)];
  return lastOf(section.components().at(0).components().models);
}

function intoBody(made, chosen) {
  const path = chosen ? trail(chosen) : [];
  const row = path[1];
  const body = types.body();
  // A footer stays the last row: what is added without a choice goes above it.
  const rows = body.components();
  const hasFooter = rows.length > 1 && /unsubscribe_url/.test(mjmlSource.write(types.node(rows.at(rows.length - 1))));
  return lastOf(body.append(made, { at: row ? row.index() + 1 : rows.length - (hasFooter ? 1 : 0) }));
}

/** Content that was dropped between rows gets a row of its own. */
function settle(model) {
  if (!model || model.parent()?.get("type") !== "mj-body" || !types.CONTENT.has(model.get("type"))) return;
  const at = model.index();
  const [section] = model.parent().append({ type: "mj-section", attributes: { "background-color": "#ffffff" }, components: [{ type: "mj-column", attributes: {}, components: [] }] }, { at });
  model.move(section.components().at(0), { at: 0 });
  choose(model);
}

for (const button of document.querySelectorAll("[data-block]")) {
  const { block: key } = button.dataset;
  const one = kit.blocks.find((shape) => shape.key === key);
  const block = editor.Blocks.add(key, { label: one.name, select: true });
  button.addEventListener("click", () => insert(key));
  button.addEventListener("dragstart", (event) => {
    event.dataTransfer.effectAllowed = "copy";
    event.dataTransfer.setData("text", key);
    block.set("content", types.pieces(one.mjml, one.place)[0]);
    editor.Blocks.startDrag(block, event);
  });
  button.addEventListener("dragend", () => editor.Blocks.endDrag());
}
editor.on("block:drag:stop", (model) => settle(Array.isArray(model) ? model[0] : model));
editor.on("component:drag:end", ({ target }) => settle(target));

// -- layers ----------------------------------------------------------------------------------------------------------
function wordsOf(model) {
  const type = model.get("type");
  if (type === "rh-code") return model.get("label");
  if (mjmlSource.WORDED.has(type)) {
    const { text: hidden, tags } = mjmlSource.hide(model.get("content"));
    const named = hidden.replace(/rhtag(\d+)x/g, (_, number) => (tags[number].startsWith("{{") ? mjmlSource.encode(text.called(tags[number])) : ""));
    return harmlessPage(named).body.textContent.replace(/\s+/g, " ").trim().slice(0, 60);
  }
  return type === "mj-image" ? model.get("attributes").alt ?? "" : "";
}

function drawLayers() {
  if (!tree) return;
  const chosen = editor.getSelected();
  const draw = (model) => {
    const item = document.createElement("li");
    const button = Object.assign(document.createElement("button"), { type: "button", className: "wb-layer" });
    if (model === chosen) button.setAttribute("aria-current", "true");
    const name = Object.assign(document.createElement("b"), { textContent: types.NAMES[model.get("type")] });
    button.append(icon(kit.icons[model.get("type")] ?? "square"), name, Object.assign(document.createElement("span"), { textContent: wordsOf(model) }));
    button.addEventListener("click", () => choose(model));
    button.dataset.layer = model.cid;
    item.append(button);
    const inner = model.components?.().models ?? [];
    if (inner.length) item.append(Object.assign(document.createElement("ul"), {}));
    for (const child of inner) item.lastChild.append(draw(child));
    return item;
  };
  const focused = document.activeElement?.dataset?.layer;
  $("#layers").replaceChildren(draw(types.body()));
  if (focused) $(`[data-layer="${focused}"]`)?.focus();
}

// -- bar, tabs, keys -------------------------------------------------------------------------------------------------
function showSteps() {
  $("[data-step=undo]").disabled = !editor.UndoManager.hasUndo();
  $("[data-step=redo]").disabled = !editor.UndoManager.hasRedo();
}
for (const button of document.querySelectorAll("[data-step]")) {
  button.addEventListener("click", async () => {
    await finish();
    editor.UndoManager[button.dataset.step]();
    show();
    changed();
  });
}
for (const input of document.querySelectorAll("[name=device]")) {
  input.addEventListener("change", () => editor.setDevice(input.value));
}

const tabs = [...document.querySelectorAll("[role=tab]")];
function openTab(tab) {
  // The focus never stays in a panel that is hidden now.
  if (document.activeElement.closest("[role=tabpanel]")?.matches(`:not(#${tab.getAttribute("aria-controls")})`)) tab.focus();
  for (const one of tabs) {
    one.setAttribute("aria-selected", String(one === tab));
    one.tabIndex = one === tab ? 0 : -1;
    $(`#${one.getAttribute("aria-controls")}`).hidden = one !== tab;
  }
}
for (const tab of tabs) {
  tab.addEventListener("click", () => openTab(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    openTab(next);
    next.focus();
  });
}

editor.on("component:selected", (model) => {
  show();
  const isBrowsing = $("#tab-layers").getAttribute("aria-selected") === "true";
  if (!isBrowsing && model) openTab($("#tab-settings"));
});
editor.on("component:deselected", () => setTimeout(() => { if (!editor.getSelected()) show(); }, 0));
editor.on("component:add component:remove component:update component:input undo redo", changed);
editor.on("rte:disable", (view) => setTimeout(() => { view?.updateContent?.(); changed(); }, 0));
editor.on("component:update:attributes", () => setTimeout(() => editor.refresh(), 0));

bar.addEventListener("done", async () => {
  const model = editor.getSelected();
  await finish();
  choose(model);
  $("#tab-settings").focus();
});
bar.addEventListener("click", (event) => {
  const pick = event.target.closest("[data-insert]");
  if (!pick) return;
  pick.closest("details").open = false;
  pen.insert(pick.dataset.insert, pick.dataset.label);
});

const saveKey = (event) => {
  if (event.key !== "s" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  tell({ type: "save" });
};
document.addEventListener("keydown", (event) => {
  saveKey(event);
  if (event.key === "Escape" && !pen.isOpen() && editor.getSelected() && !event.target.closest("details")) {
    editor.select(null);
    openTab($("#tab-blocks"));
  }
});

editor.on("load", () => {
  const doc = editor.Canvas.getDocument();
  doc.documentElement.lang = document.documentElement.lang;
  doc.title = gettext("The mail");
  editor.Canvas.getFrameEl().title = gettext("The mail, to be clicked and written in");
  doc.addEventListener("keydown", saveKey, true);
  doc.addEventListener("dblclick", ({ target }) => { if (target.closest(".rh-mj-image")) pickPicture(); });
  tell({ type: "ready" });
});
