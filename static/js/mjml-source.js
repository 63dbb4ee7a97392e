// Reads MJML into a tree of blocks and writes it back. What the builder did not change is written as it stood, byte
// for byte; what it cannot show stays a piece of code in its place; what it cannot place at all is refused, with
// the line. Pure: text in, values out. The language of merge tags is that of relayhub/relay/template_source.py.
const CONTAINERS = new Set(["mj-body", "mj-wrapper", "mj-section", "mj-group", "mj-column", "mj-hero"]);
const WORDED = new Set(["mj-text", "mj-button"]);
const EMPTY = new Set(["mj-image", "mj-divider", "mj-spacer"]);
const HOLDS = {
  "mj-body": ["mj-wrapper", "mj-section", "mj-hero"], "mj-wrapper": ["mj-section", "mj-hero"],
  "mj-section": ["mj-group", "mj-column"], "mj-group": ["mj-column"],
  "mj-column": ["mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer"],
  "mj-hero": ["mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer"],
};
const VOID = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
const CLOSES = { "{{": "}}", "{%": "%}", "{#": "#}" };
const NAME = /[A-Za-z][\w:.-]*/y;
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Why a source cannot be opened, and where. */
class Unreadable extends Error {
  constructor(message, line) {
    super(message);
    this.line = line;
  }
}

// -- small readers -----------------------------------------------------------------------------------------------

/** Where the merge tag that begins at `at` ends; 0 where none does. */
function tagEnd(source, at) {
  const closing = CLOSES[source.slice(at, at + 2)];
  const end = closing ? source.indexOf(closing, at + 2) : -1;
  return end < 0 ? 0 : end + 2;
}

/** Source with every merge tag replaced by a word, and the function that puts them back. */
function hide(source) {
  const found = [];
  let made = "";
  for (let at = 0; at < source.length;) {
    const end = source[at] === "{" ? tagEnd(source, at) : 0;
    if (end) {
      made += `rhtag${found.length}x`;
      found.push(source.slice(at, end));
    } else made += source[at];
    at = end || at + 1;
  }
  return { text: made, tags: found, restore: (text) => text.replace(/rhtag(\d+)x/g, (word, number) => found[number] ?? word) };
}

const decode = (text) => text.replace(/&(amp|lt|gt|quot|apos|#\d{1,7}|#[xX][\da-fA-F]{1,6});/g, (whole, name) => {
  if (name[0] !== "#") return ENTITIES[name];
  const code = name[1].toLowerCase() === "x" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
});

/** A value as it stands between double quotes; merge tags stay as they are. */
function encode(value) {
  const { text, restore } = hide(value);
  return restore(text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"));
}

/** A reader of one source: where it stands, and what begins there. */
class Reader {
  constructor(source) {
    this.source = source;
    this.at = 0;
  }

  fail(message, at = this.at) {
    throw new Unreadable(message, this.source.slice(0, at).split("\n").length);
  }

  sees(text) { return this.source.startsWith(text, this.at); }

  /** The name at `at`, in lower case; "" where none stands. */
  name(at) {
    NAME.lastIndex = at;
    return (NAME.exec(this.source)?.[0] ?? "").toLowerCase();
  }

  /** Jump over what ends with `closing`. */
  skip(closing, what) {
    const end = this.source.indexOf(closing, this.at);
    if (end < 0) this.fail(gettext("%(what)s is never closed", { what }));
    this.at = end + closing.length;
  }

  /** White space and comments, which belong to what follows them. */
  trivia() {
    const begin = this.at;
    for (;;) {
      while (/\s/.test(this.source[this.at] ?? "")) this.at += 1;
      if (this.sees("<!--")) this.skip("-->", gettext("A comment"));
      else if (this.sees("{#")) this.skip("#}", gettext("A comment"));
      else return this.source.slice(begin, this.at);
    }
  }

  /** `<name a="b">`: its name, attributes and text; leaves the reader behind it. */
  open() {
    const begin = this.at;
    const name = this.name(begin + 1);
    if (!name) this.fail(gettext("“<” begins no element here"));
    this.at = begin + 1 + name.length;
    const attrs = [];
    for (;;) {
      while (/\s/.test(this.source[this.at] ?? "")) this.at += 1;
      if (this.at >= this.source.length) this.fail(gettext("<%(name)s> is never closed", { name }), begin);
      if (this.sees("/>") || this.sees(">")) break;
      if (tagEnd(this.source, this.at)) this.fail(gettext("A merge tag stands among the attributes of <%(name)s>, not within one", { name }));
      attrs.push(this.attribute(name));
    }
    const isClosed = this.sees("/>");
    this.at += isClosed ? 2 : 1;
    return { name, attrs, isClosed, text: this.source.slice(begin, this.at), begin };
  }

  attribute(element) {
    const begin = this.at;
    while (/[^\s=>"'{/]/.test(this.source[this.at] ?? " ")) this.at += 1;
    const name = this.source.slice(begin, this.at);
    const sign = /^\s*=\s*/.exec(this.source.slice(this.at, this.at + 40))?.[0];
    const quote = this.source[this.at + (sign?.length ?? 0)];
    if (!name || !sign || (quote !== '"' && quote !== "'")) this.fail(gettext("An attribute of <%(name)s> lacks its quotes", { name: element }), begin);
    this.at += sign.length + 1;
    const from = this.at;
    while (this.source[this.at] !== quote) {
      if (this.at >= this.source.length) this.fail(gettext("An attribute of <%(name)s> is never closed", { name: element }), begin);
      this.at = (this.source[this.at] === "{" && tagEnd(this.source, this.at)) || this.at + 1;
    }
    const raw = this.source.slice(from, this.at);
    this.at += 1;
    return { name, raw, quote };
  }

  /** The next merge tag, comment or element tag from here on, jumping over text; null at the end. */
  next() {
    const { source } = this;
    for (; this.at < source.length; this.at += 1) {
      const begin = this.at;
      if (source[begin] === "{") {
        const end = tagEnd(source, begin);
        if (!end) continue;
        this.at = end;
        const words = source.slice(begin + 2, end - 2).replace(/^[-+\s]+|[-+\s]+$/g, "");
        const kind = { "{{": "output", "{%": "statement", "{#": "comment" }[source.slice(begin, begin + 2)];
        return { kind, begin, word: words.split(/\s/)[0], text: words };
      }
      if (source[begin] !== "<") continue;
      if (this.sees("<!--")) {
        this.skip("-->", gettext("A comment"));
        return { kind: "comment", begin };
      }
      if (this.sees("</")) {
        const name = this.name(begin + 2);
        this.skip(">", `</${name}`);
        return { kind: "close", name, begin };
      }
      if (this.name(begin + 1)) return { kind: "open", ...this.open() };
    }
    return null;
  }

  /** Jump behind the `</name>` that closes an element whose open tag was just read. */
  toEndOf(opened) {
    if (opened.isClosed) return;
    for (let depth = 1; depth;) {
      const found = this.next();
      if (!found) this.fail(gettext("<%(name)s> is never closed", { name: opened.name }), opened.begin);
      if (found.name !== opened.name) continue;
      if (found.kind === "open" && !found.isClosed) depth += 1;
      if (found.kind === "close") depth -= 1;
    }
  }

  /** Jump behind the end of the `if` or `for` that begins here; what lies within has to be whole. */
  toEndOfStatement() {
    const begin = this.at;
    const first = this.next();
    if (first.word !== "if" && first.word !== "for") this.fail(gettext("“{% %(word)s %}” stands outside of its block", { word: first.word }), begin);
    const blocks = [{ word: first.word, depth: 0 }];
    const elements = [];
    const split = () => this.fail(gettext("“{% %(word)s … %}” opens or closes only a part of an element", { word: first.word }), begin);
    while (blocks.length) {
      const found = this.next();
      if (!found) this.fail(gettext("“{% %(word)s … %}” is never closed", { word: first.word }), begin);
      if (found.kind === "open" && !found.isClosed && !VOID.has(found.name)) elements.push(found.name);
      if (found.kind === "close" && elements.pop() !== found.name) split();
      if (found.kind !== "statement") continue;
      const { word, depth } = blocks.at(-1);
      if (found.word === "if" || found.word === "for") blocks.push({ word: found.word, depth: elements.length });
      else if (elements.length !== depth) split();
      else if (found.word === `end${word}`) blocks.pop();
      else if (found.word.startsWith("end")) this.fail(gettext("“{% %(word)s %}” closes nothing that is open here", { word: found.word }), found.begin);
    }
    return first.text;
  }
}

// -- reading -----------------------------------------------------------------------------------------------------

/**
 * The tree of a source: {before, root, after}. A node has `type`, `lead` (what stands before it), and
 *   element: open, attrs [{name, raw, quote}], children + tail (containers) or inner (words), close
 *   code: source, label.
 * Throws Unreadable.
 */
function read(source) {
  const reader = new Reader(source);
  const include = /<mj-include\b/i.exec(source);
  if (include) reader.fail(gettext("mj-include is not available"), include.index);
  let lead = reader.trivia();
  while (reader.sees("<?") || /^<!doctype/i.test(source.slice(reader.at, reader.at + 9))) {
    const begin = reader.at;
    reader.skip(">", gettext("The first line"));
    lead += source.slice(begin, reader.at) + reader.trivia();
  }
  if (reader.name(reader.at + 1) !== "mjml" || !reader.sees("<")) reader.fail(gettext("It does not begin with <mjml>"));
  const opened = reader.open();
  if (opened.isClosed) reader.fail(gettext("There is no <mj-body>"));
  const before = lead + opened.text + head(reader);
  const bodyLead = reader.trivia();
  if (!reader.sees("<") || reader.name(reader.at + 1) !== "mj-body") reader.fail(gettext("Where <mj-body> should begin stands something else"));
  const root = element(reader, bodyLead, 1);
  const rest = reader.at;
  reader.trivia();
  if (!reader.sees("</") || reader.name(reader.at + 2) !== "mjml") reader.fail(gettext("Behind </mj-body> stands more than </mjml>"));
  reader.skip(">", "</mjml");
  reader.trivia();
  if (reader.at < source.length) reader.fail(gettext("Behind </mjml> stands more"));
  return { before, root, after: source.slice(rest) };
}

/** The head with what stands around it, as it is. */
function head(reader) {
  const begin = reader.at;
  reader.trivia();
  if (reader.sees("<") && reader.name(reader.at + 1) === "mj-head") {
    reader.toEndOf(reader.open());
    return reader.source.slice(begin, reader.at);
  }
  reader.at = begin;
  return "";
}

function element(reader, lead, depth) {
  const opened = reader.open();
  const { name } = opened;
  const node = { type: name, lead, depth, open: opened.text, attrs: opened.attrs, isClosed: opened.isClosed, close: "" };
  const twice = opened.attrs.find((one, index) => opened.attrs.findIndex((other) => other.name === one.name) !== index);
  if (twice) reader.fail(gettext("<%(name)s> has two attributes “%(attribute)s”", { name, attribute: twice.name }), opened.begin);
  if (CONTAINERS.has(name)) Object.assign(node, opened.isClosed ? { children: [], tail: "" } : children(reader, opened, depth + 1));
  else {
    const from = reader.at;
    reader.toEndOf(opened);
    if (!opened.isClosed) {
      const until = reader.source.lastIndexOf("<", reader.at - 1);
      node.inner = reader.source.slice(from, until);
      node.close = reader.source.slice(until, reader.at);
    } else node.inner = "";
    if (EMPTY.has(name) && node.inner.trim()) reader.fail(gettext("<%(name)s> holds something", { name }), opened.begin);
  }
  return node;
}

function children(reader, opened, depth) {
  const made = [];
  for (;;) {
    const lead = reader.trivia();
    const begin = reader.at;
    if (begin >= reader.source.length) reader.fail(gettext("<%(name)s> is never closed", { name: opened.name }), opened.begin);
    if (reader.sees("</")) {
      if (reader.name(begin + 2) !== opened.name) reader.fail(gettext("</%(name)s> closes nothing that is open here", { name: reader.name(begin + 2) }));
      reader.skip(">", `</${opened.name}`);
      return { children: made, tail: lead, close: reader.source.slice(begin, reader.at) };
    }
    if (reader.sees("{%")) made.push(code(reader, lead, depth, begin, reader.toEndOfStatement()));
    else if (!reader.sees("<") || !reader.name(begin + 1)) reader.fail(gettext("Text stands in <%(name)s>, outside of a block", { name: opened.name }));
    else if (HOLDS[opened.name].includes(reader.name(begin + 1))) made.push(element(reader, lead, depth));
    else {
      const inner = reader.open();
      if (CONTAINERS.has(inner.name) || WORDED.has(inner.name) || EMPTY.has(inner.name)) {
        reader.fail(gettext("<%(name)s> may not stand in <%(outer)s>", { name: inner.name, outer: opened.name }), begin);
      }
      reader.toEndOf(inner);
      made.push(code(reader, lead, depth, begin, `<${inner.name}>`));
    }
  }
}

const code = (reader, lead, depth, begin, label) => ({ type: "code", lead, depth, source: reader.source.slice(begin, reader.at), label });

// -- writing -----------------------------------------------------------------------------------------------------

/** The open tag with these attributes (decoded values); as it stood where nothing changed. */
function openTag(type, attributes, was) {
  const wanted = new Map(Object.entries(attributes).filter(([, value]) => value !== "" && value != null).map(([name, value]) => [name, String(value)]));
  const before = (was?.attrs ?? []).filter((one) => decode(one.raw) !== "");
  const isSame = was && before.length === wanted.size && before.every((one) => wanted.get(one.name) === decode(one.raw));
  if (isSame) return was.open;
  const parts = [];
  for (const { name, raw, quote } of before) {
    if (!wanted.has(name)) continue;
    parts.push(decode(raw) === wanted.get(name) ? `${name}=${quote}${raw}${quote}` : `${name}="${encode(wanted.get(name))}"`);
    wanted.delete(name);
  }
  for (const [name, value] of wanted) parts.push(`${name}="${encode(value)}"`);
  const isClosed = was ? was.isClosed : EMPTY.has(type);
  return `<${[type, ...parts].join(" ")}${isClosed ? " />" : ">"}`;
}

/**
 * A node as text. Nodes are those of `read`, or made by the builder: {type, attributes, inner | children, was}, where
 * `was` is the node it came from.
 */
function write(node, depth = 1) {
  const { was } = node;
  const pad = `\n${"  ".repeat(depth)}`;
  const lead = was && (was.depth === depth || was.lead.trim()) ? was.lead : pad;
  if (node.type === "code") return lead + node.source;
  const open = openTag(node.type, node.attributes, was);
  if (EMPTY.has(node.type)) return lead + open + (open.endsWith("/>") ? "" : (was?.inner ?? "") + (was?.close || `</${node.type}>`));
  const reopened = open.endsWith("/>") && (node.inner || node.children?.length) ? open.replace(/\s*\/>$/, ">") : open;
  if (reopened.endsWith("/>")) return lead + reopened;
  const close = was?.close || `</${node.type}>`;
  if (!node.children) return lead + reopened + node.inner + close;
  const tail = was?.close && (was.tail.trim() || was.children.length || !node.children.length) ? was.tail : node.children.length ? pad : "";
  return lead + reopened + node.children.map((child) => write(child, depth + 1)).join("") + tail + close;
}

// -- whether the browser reads words as they are written -----------------------------------------------------------

/** Markup as a list of marks that do not depend on how it is written: case, quotes, entities, `<br/>`. */
function marks(html) {
  const reader = new Reader(hide(html).text);
  const made = [];
  const plain = (text) => {
    const area = document.createElement("textarea");
    area.innerHTML = text.replaceAll("<", "&lt;");
    return area.value;
  };
  let from = 0;
  for (let found = reader.next(); ; found = reader.next()) {
    const words = reader.source.slice(from, found ? found.begin : reader.source.length);
    if (words) made.push(plain(words));
    if (!found) return made;
    from = reader.at;
    if (found.kind === "open") {
      const attrs = found.attrs.map(({ name, raw }) => `${name.toLowerCase()}=${plain(raw)}`).sort();
      made.push(`<${[found.name, ...attrs].join("\0")}>`);
      if (found.isClosed && !VOID.has(found.name)) made.push(`</${found.name}>`);
    } else if (found.kind === "close") made.push(`</${found.name}>`);
    else made.push(reader.source.slice(found.begin, reader.at));
  }
}

/** Whether two pieces of HTML say the same; false where either cannot be read. */
function sameMarkup(one, other) {
  try {
    return JSON.stringify(marks(one)) === JSON.stringify(marks(other));
  } catch (error) {
    if (error instanceof Unreadable) return false;
    throw error;
  }
}

/** Every void element closed, as XML wants it: what the browser wrote becomes what MJML reads. */
function closed(html) {
  return html.replace(/<(area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr)\b((?:[^<>"']|"[^"]*"|'[^']*')*?)\s*\/?>/gi, "<$1$2 />");
}

globalThis.mjmlSource = { read, write, openTag, hide, decode, encode, sameMarkup, closed, Unreadable, EMPTY, HOLDS, CONTAINERS, WORDED };
