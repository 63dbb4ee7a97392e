// Words of a mail in the builder's canvas: merge tags become marks that cannot be half deleted, what could run is
// left out of the picture, and what a person wrote comes back as MJML wants it.
const MARK = /rhtag(\d+)x/g;
const RUNS = "script, style, iframe, object, embed, link, meta, base, form, frame, frameset, noscript";
// MJML draws its social icons from a host of its maker's: the canvas asks nobody but the sender's own hosts.
const PICTURE = /^(https?:(?!\/\/www\.mailjet\.com\/)|data:image\/)/i;

/** A picture in place of one that has no address the canvas could load. */
const picture = (words) => `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" width="600" height="240"><rect width="600" height="240" fill="#eceae4"/>`
  + `<g fill="none" stroke="#63686a" stroke-width="2.5"><rect x="268" y="70" width="64" height="52" rx="6"/><path d="M268 112l18-18 16 14 12-10 18 16"/><circle cx="314" cy="86" r="4"/></g>`
  + `<text x="300" y="158" font-family="Helvetica, Arial, sans-serif" font-size="16" fill="#474d50" text-anchor="middle">${words}</text></svg>`)}`;

/** HTML without what would run. The policy of the page forbids it anyway; this spares the browser the attempt. */
const harmless = (html) => html.replace(/<[a-z][^<>]*>/gi, (tag) => tag.replace(/\son[a-z]+\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)/gi, ""));

/** Parse, leave out what could run, and put a picture of our own where an address cannot be loaded. */
function harmlessPage(html) {
  const { body, head } = new DOMParser().parseFromString(harmless(html), "text/html");
  const styles = [...head.querySelectorAll("style"), ...body.querySelectorAll("style")].map((style) => style.textContent);
  for (const bad of body.querySelectorAll(RUNS)) bad.remove();
  for (const one of body.querySelectorAll("*")) {
    for (const { name, value } of [...one.attributes]) if (/^\s*javascript:/i.test(value)) one.removeAttribute(name);
    const source = one.getAttribute("src");
    if (one.localName !== "img" || PICTURE.test(source ?? "")) continue;
    one.dataset.rhSrc = source ?? "";
    one.setAttribute("src", picture(!source ? gettext("No picture yet") : /rhtag\d+x|\{\{/.test(source) ? gettext("A picture from a field") : gettext("Its address is no web address")));
  }
  return { body, styles };
}

/** A document that loads nothing and runs nothing. */
const inert = document.implementation.createHTMLDocument("");

function textOf({ names }) {
  const tags = [];
  const mark = (tag) => {
    const known = tags.indexOf(tag);
    return `rhtag${known >= 0 ? known : tags.push(tag) - 1}x`;
  };
  const restore = (text) => text.replace(MARK, (word, number) => tags[number] ?? word);
  const marked = (text) => {
    const hidden = mjmlSource.hide(text);
    return hidden.text.replace(MARK, (word, number) => (hidden.tags[number] === undefined ? word : mark(hidden.tags[number])));
  };

  /** What a merge tag is called: the field's name where it is one, else its own text. */
  function called(tag) {
    const inner = tag.slice(2, -2).replace(/^[-+\s]+|[-+\s]+$/g, "");
    const path = /^[\w.]+/.exec(inner)?.[0] ?? "";
    if (tag.startsWith("{{") && names[path]) return names[path];
    return inner.length > 36 ? `${inner.slice(0, 35)}…` : inner;
  }

  function chip(doc, tag) {
    const made = doc.createElement("span");
    made.className = tag.startsWith("{{") ? "rh-field" : "rh-field rh-rule";
    made.contentEditable = "false";
    made.dataset.rhTag = mark(tag);
    made.title = tag;
    made.textContent = called(tag);
    return made;
  }

  /** The content as nodes for the canvas. */
  function toCanvas(content, doc) {
    const { body } = harmlessPage(`<body>${marked(content)}</body>`);
    const walk = inert.createTreeWalker(body, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walk.nextNode()) texts.push(walk.currentNode);
    for (const text of texts) {
      const pieces = text.data.split(/(rhtag\d+x)/);
      if (pieces.length < 2) continue;
      text.replaceWith(...pieces.filter(Boolean).map((piece) => (/^rhtag\d+x$/.test(piece) && restore(piece) !== piece ? chip(inert, restore(piece)) : inert.createTextNode(piece))));
    }
    const made = doc.createDocumentFragment();
    made.append(...doc.importNode(body, true).childNodes);
    return made;
  }

  /** The nodes of the canvas as content again. */
  function fromCanvas(element) {
    const copy = inert.importNode(element, true);
    for (const one of copy.querySelectorAll("[data-rh-tag]")) one.replaceWith(one.dataset.rhTag);
    for (const one of copy.querySelectorAll("[data-rh-src]")) {
      if (one.dataset.rhSrc) one.setAttribute("src", one.dataset.rhSrc);
      else one.removeAttribute("src");
      one.removeAttribute("data-rh-src");
    }
    copy.normalize();
    const walk = copy.ownerDocument.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) walk.currentNode.data = marked(walk.currentNode.data);
    return restore(mjmlSource.closed(copy.innerHTML));
  }

  /** Whether the canvas gives back what it was given. */
  function isFaithful(content) {
    const holder = inert.createElement("div");
    holder.append(toCanvas(content, inert));
    return mjmlSource.sameMarkup(content, fromCanvas(holder));
  }

  return { toCanvas, fromCanvas, isFaithful, chip, called };
}

// -- writing in the canvas ---------------------------------------------------------------------------------------

/** Browsers write a space at the edge of an element as `&nbsp;`; alone it is meant as a space. */
const spaced = (html) => html.replace(/(^|[^\s;])&nbsp;(?![\s&]|<br)/g, "$1 ");

/** Make words of the canvas editable, with the bar `bar` above them. */
function writing(editor, text, bar) {
  let element = null;
  let range = null;
  let before = "";
  const doc = () => element.ownerDocument;

  const remember = () => {
    const selection = element && doc().getSelection();
    if (selection?.rangeCount && element.contains(selection.anchorNode)) range = selection.getRangeAt(0).cloneRange();
    if (element) showState();
  };
  const recall = () => {
    element.focus();
    if (!range) return;
    const selection = doc().getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  const changed = () => {
    remember();
    element.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const linkAt = () => {
    const at = range?.commonAncestorContainer;
    const found = (at?.nodeType === 1 ? at : at?.parentElement)?.closest("a");
    return found && element?.contains(found) ? found : null;
  };

  function showState() {
    for (const button of bar.querySelectorAll("[data-command]")) button.setAttribute("aria-pressed", String(doc().queryCommandState(button.dataset.command)));
    bar.querySelector("[data-link]").setAttribute("aria-pressed", String(Boolean(linkAt())));
  }

  function put(node, last = node) {
    recall();
    const selection = doc().getSelection();
    if (!selection.rangeCount) return;
    const place = selection.getRangeAt(0);
    place.deleteContents();
    place.insertNode(node);
    place.setStartAfter(last);
    place.collapse(true);
    selection.removeAllRanges();
    selection.addRange(place);
    changed();
  }

  /** What a merge field puts in: an address as a link, a condition with its words, everything else as a mark. */
  function insert(code, label) {
    if (!element) return false;
    const parts = code.split(/(\{\{.*?\}\}|\{%.*?%\})/).filter(Boolean);
    const holder = doc().createDocumentFragment();
    if (/_url\b/.test(code) && element.dataset.rhPlain === undefined) {
      const link = doc().createElement("a");
      link.setAttribute("href", text.chip(doc(), code).dataset.rhTag);
      link.textContent = label;
      holder.append(link);
    } else holder.append(...parts.map((part) => (/^\{[{%]/.test(part) ? text.chip(doc(), part) : doc().createTextNode(part))));
    put(holder, holder.lastChild);
    return true;
  }

  const keys = (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      if (element.dataset.rhPlain === undefined) doc().execCommand("insertLineBreak");
    }
    if (event.key === "Escape") {
      event.preventDefault();
      editor.getEditing()?.trigger("disable");
      bar.dispatchEvent(new CustomEvent("done"));
    }
    event.stopPropagation();
  };
  const paste = (event) => {
    event.preventDefault();
    const words = event.clipboardData.getData("text/plain");
    doc().execCommand("insertText", false, element.dataset.rhPlain === undefined ? words : words.replace(/\s+/g, " "));
  };
  const drop = (event) => event.preventDefault();
  const listeners = { keydown: keys, paste, drop, keyup: remember, mouseup: remember };

  editor.setCustomRte({
    enable(target, _, { view }) {
      element = target;
      element.contentEditable = "true";
      if (view.model.get("type") === "mj-button") element.dataset.rhPlain = "";
      before = element.innerHTML;
      for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener);
      element.focus();
      doc().execCommand("styleWithCSS", false, false);
      bar.hidden = false;
      bar.toggleAttribute("data-plain", element.dataset.rhPlain !== undefined);
      const selection = doc().getSelection();
      if (!selection.rangeCount || !element.contains(selection.anchorNode)) selection.selectAllChildren(element);
      remember();
      return { element };
    },
    disable(target) {
      target.contentEditable = "false";
      for (const [name, listener] of Object.entries(listeners)) target.removeEventListener(name, listener);
      delete target.dataset.rhPlain;
      bar.hidden = true;
      bar.querySelector("[data-link-form]").hidden = true;
      element = range = null;
    },
    getContent(target, rte, { view }) {
      const was = view.model.get("content");
      if (target.innerHTML === before) return was;
      const made = text.fromCanvas(target);
      return /&nbsp;|\u00a0/.test(was) ? made : spaced(made);
    },
  });

  // -- the bar
  bar.addEventListener("mousedown", (event) => {
    event.stopPropagation(); // GrapesJS ends the writing at a press outside of the words
    if (!event.target.closest("input, select, summary")) event.preventDefault();
  });
  const form = bar.querySelector("[data-link-form]");
  const address = form.querySelector("input");
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || !element) return;
    if (button.dataset.command) {
      recall();
      doc().execCommand(button.dataset.command);
      changed();
    } else if (button.matches("[data-link]")) {
      form.hidden = !form.hidden;
      address.value = text.fromCanvas(Object.assign(document.createElement("i"), { textContent: linkAt()?.getAttribute("href") ?? "" }));
      if (!form.hidden) address.select();
    } else if (button.matches("[data-link-set]")) setLink(address.value.trim());
    else if (button.matches("[data-link-drop]")) setLink("");
    else if (button.matches("[data-done]")) bar.dispatchEvent(new CustomEvent("done"));
  });
  address.addEventListener("keydown", (event) => {
    if (event.key === "Enter") setLink(address.value.trim());
    if (event.key === "Escape") form.hidden = true;
    else if (event.key !== "Enter") return;
    event.preventDefault();
    if (element) recall();
  });

  function setLink(value) {
    const there = linkAt();
    recall();
    if (there && !value) there.replaceWith(...there.childNodes);
    else if (there) there.setAttribute("href", marksIn(value));
    else if (value && range && !range.collapsed) doc().execCommand("createLink", false, marksIn(value));
    else if (value) {
      const link = doc().createElement("a");
      link.setAttribute("href", marksIn(value));
      link.textContent = value;
      put(link);
    }
    form.hidden = true;
    changed();
  }
  const marksIn = (value) => value.replace(/\{\{.*?\}\}/g, (tag) => text.chip(document, tag).dataset.rhTag);

  return { insert, isOpen: () => Boolean(element) };
}

globalThis.builderParts = { ...globalThis.builderParts, textOf, writing, harmlessPage };
