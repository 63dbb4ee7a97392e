// What can be set of the chosen block, as a form: only what a mail needs, written as MJML attributes. A field that
// is empty takes what the mail's head or MJML itself says, which it shows as its placeholder.
const FONTS = [
  ["Helvetica, Arial, sans-serif", "Helvetica"], ["Georgia, 'Times New Roman', serif", "Georgia"],
  ["Verdana, Geneva, sans-serif", "Verdana"], ["'Trebuchet MS', Helvetica, sans-serif", "Trebuchet"],
  ["Tahoma, Geneva, sans-serif", "Tahoma"], ["'Times New Roman', Times, serif", "Times"],
  ["'Courier New', Courier, monospace", "Courier"],
];
const MJML = {
  "mj-text": { color: "#000000", "font-size": "13px", "font-family": "Ubuntu, Helvetica, Arial, sans-serif", padding: "10px 25px", align: "left" },
  "mj-button": { "background-color": "#414141", color: "#ffffff", "font-size": "13px", "border-radius": "3px", padding: "10px 25px", align: "center" },
  "mj-image": { padding: "10px 25px", align: "center", "border-radius": "0px" },
  "mj-divider": { "border-color": "#000000", "border-width": "4px", padding: "10px 25px" },
  "mj-spacer": { height: "20px" },
  "mj-section": { padding: "20px 0" }, "mj-wrapper": { padding: "20px 0" }, "mj-hero": { padding: "0px" },
  "mj-column": { padding: "0px", "vertical-align": "top" }, "mj-body": { width: "600px" },
};
const align = { key: "align", label: gettext("Alignment"), as: "choice", options: [["left", gettext("Left")], ["center", gettext("Centre")], ["right", gettext("Right")]] };
const size = (key, label, min, max) => ({ key, label, as: "pixels", min, max });
const colour = (key, label) => ({ key, label, as: "colour" });
const space = { key: "padding", label: gettext("Space"), as: "space" };
const words = (key, label, hint = "", placeholder = "") => ({ key, label, as: "words", hint, placeholder });
const picture = (key, label, hint = "") => ({ key, label, as: "picture", hint, placeholder: "https://" });
const FIELDS = {
  "mj-text": [{ as: "write" }, size("font-size", gettext("Size"), 8, 80), colour("color", gettext("Colour of the words")), { key: "font-family", label: gettext("Font"), as: "font" }, align, colour("container-background-color", gettext("Background")), space],
  "mj-button": [{ key: "content", label: gettext("Words on it"), as: "label" }, words("href", gettext("Where it leads"), gettext("An address, or a merge field such as {{ view_url }}."), "https://"), colour("background-color", gettext("Colour")), colour("color", gettext("Colour of the words")), size("font-size", gettext("Size of the words"), 8, 40), size("border-radius", gettext("Round corners"), 0, 60), align, space],
  "mj-image": [picture("src", gettext("Picture"), gettext("From the library, or the address of one on your own site.")), words("alt", gettext("What it shows"), gettext("Read out, and shown while pictures are off.")), words("href", gettext("Where it leads"), gettext("Empty: nowhere."), "https://"), size("width", gettext("Width"), 10, 1200), size("border-radius", gettext("Round corners"), 0, 300), align, space],
  "mj-divider": [colour("border-color", gettext("Colour")), size("border-width", gettext("Thickness"), 1, 40), space],
  "mj-spacer": [size("height", gettext("Height"), 1, 400)],
  "mj-section": [colour("background-color", gettext("Background")), picture("background-url", gettext("Picture behind it"), gettext("Outlook shows the colour instead.")), size("border-radius", gettext("Round corners"), 0, 60), space, { as: "columns" }],
  "mj-wrapper": [colour("background-color", gettext("Background")), size("border-radius", gettext("Round corners"), 0, 60), space],
  "mj-hero": [colour("background-color", gettext("Background")), picture("background-url", gettext("Picture behind it")), space],
  "mj-group": [],
  "mj-column": [words("width", gettext("Width"), gettext("Such as 40%. Empty: all columns alike."), gettext("alike")), { key: "vertical-align", label: gettext("Alignment"), as: "choice", options: [["top", gettext("Top")], ["middle", gettext("Middle")], ["bottom", gettext("Bottom")]] }, colour("background-color", gettext("Background")), space],
  "mj-body": [colour("background-color", gettext("Background around the mail")), size("width", gettext("Width"), 320, 900)],
};
const SIDES = [["top", gettext("Above")], ["right", gettext("Right")], ["bottom", gettext("Below")], ["left", gettext("Left")]];

function settingsOf({ mail, brand, icon, onWrite, onPicture, actions, codeUrl }) {
  const make = (tag, more = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(more)) {
      if (name === "class") made.className = value;
      else if (name in made && name !== "list") made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };

  /** What the head of the mail says of a type and of the classes it names. */
  function inherited(model) {
    const type = model.get("type");
    const found = { ...MJML[type] };
    const names = (model.get("attributes")["mj-class"] ?? "").split(/\s+/).filter(Boolean);
    const rules = { "mj-all": {}, [type]: {} };
    const classes = {};
    const inner = /<mj-attributes\b[^>]*>([\s\S]*?)<\/mj-attributes>/i.exec(mail.head)?.[1] ?? "";
    for (const [, tag, list] of inner.matchAll(/<(mj-[a-z-]+)((?:\s+[\w-]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*\/?>/gi)) {
      const values = Object.fromEntries([...list.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(([, name, one, two]) => [name, mjmlSource.decode(one ?? two)]));
      if (tag.toLowerCase() === "mj-class") classes[values.name] = values;
      else if (rules[tag.toLowerCase()]) rules[tag.toLowerCase()] = values;
    }
    Object.assign(found, rules["mj-all"], rules[type], ...names.map((name) => classes[name] ?? {}));
    delete found.name;
    return found;
  }

  const change = (model, values) => {
    const next = { ...model.get("attributes"), ...values };
    for (const [name, value] of Object.entries(next)) if (value === "" || value === null) delete next[name];
    model.set("attributes", next);
  };

  let count = 0;
  function field(label, control, hint = "", error = "") {
    count += 1;
    const id = `set-${count}`;
    control.id = id;
    if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
    return make("div", { class: "field" }, make("label", { class: "form-label", htmlFor: id, textContent: label }), control, hint ? make("p", { class: "form-hint", id: `${id}-hint`, textContent: hint }) : null, error || null);
  }

  const kinds = {
    words(model, { key, label, hint, placeholder }, usual) {
      const input = make("input", { class: "form-control", value: model.get("attributes")[key] ?? "", placeholder: usual || placeholder, autocomplete: "off", spellcheck: key === "alt" });
      input.addEventListener("change", () => change(model, { [key]: input.value.trim() }));
      return field(label, input, hint);
    },
    picture(model, one, usual) {
      const button = make("button", { type: "button", class: "btn" }, icon("photo"), model.get("attributes")[one.key] ? gettext("Choose another") : gettext("Choose or upload"));
      button.addEventListener("click", () => onPicture(model, one.key));
      return make("div", { class: "stack-2" }, kinds.words(model, one, usual), make("div", {}, button));
    },
    label(model, { label }) {
      const isPlain = !/[<]/.test(model.get("content") ?? "");
      if (!isPlain || model.get("editable") === false) return kinds.write(model);
      const input = make("input", { class: "form-control", value: mjmlSource.decode(model.get("content").trim()), autocomplete: "off" });
      input.addEventListener("change", () => model.set("content", mjmlSource.encode(input.value.trim()).replaceAll("&quot;", '"')));
      return field(label, input);
    },
    write(model) {
      if (model.get("editable") === false) {
        return make("p", { class: "wb-note" }, icon("lock"), make("span", { textContent: gettext("These words hold code that the builder would change. They are kept as they are: change them as code.") }));
      }
      const button = make("button", { type: "button", class: "btn" }, icon("pencil"), gettext("Write the text"));
      button.addEventListener("click", () => onWrite(model));
      return make("div", {}, button, make("p", { class: "form-hint", textContent: gettext("Or click into it twice.") }));
    },
    pixels(model, { key, label, min, max }, usual) {
      const input = make("input", { class: "form-control", type: "number", min, max, value: Number.parseInt(model.get("attributes")[key], 10) || (model.get("attributes")[key] === "0" ? 0 : ""), placeholder: Number.parseInt(usual, 10) || "", inputMode: "numeric" });
      const kept = model.get("attributes")[key];
      if (kept !== undefined && !/^\d+(px)?$/.test(kept)) return kinds.words(model, { key, label, hint: "" }, usual);
      input.addEventListener("change", () => {
        if (!input.checkValidity()) input.value = Math.min(max, Math.max(min, Number(input.value) || min));
        change(model, { [key]: input.value === "" ? "" : `${Math.round(input.value)}px` });
      });
      const made = field(label, input);
      input.after(make("span", { class: "wb-unit", textContent: "px", ariaHidden: "true" }));
      made.classList.add("wb-short");
      return made;
    },
    colour(model, { key, label }, usual) {
      const now = model.get("attributes")[key] ?? "";
      const shown = /^#[0-9a-f]{6}$/i.test(now || usual || "") ? now || usual : "#ffffff";
      const input = make("input", { class: "form-control", value: now, placeholder: usual || gettext("None"), autocomplete: "off", spellcheck: false });
      const picker = make("input", { type: "color", class: "form-control form-control-color", value: shown, ariaLabel: gettext("%(label)s: pick", { label }) });
      const set = (value) => {
        if (value && !/^(#[0-9a-f]{3,8}|[a-z]+|transparent|rgba?\([^;"<>]+\)|\{\{.*\}\})$/i.test(value)) {
          input.setAttribute("aria-invalid", "true");
          return;
        }
        input.removeAttribute("aria-invalid");
        input.value = value;
        if (/^#[0-9a-f]{6}$/i.test(value)) picker.value = value;
        change(model, { [key]: value });
      };
      input.addEventListener("change", () => set(input.value.trim()));
      picker.addEventListener("change", () => set(picker.value));
      const swatches = brand.map(({ value, name }) => {
        const button = make("button", { type: "button", class: "wb-swatch", ariaLabel: `${label}: ${name}`, title: name });
        button.style.setProperty("--swatch", value);
        button.addEventListener("click", () => set(value));
        return button;
      });
      const made = field(label, input);
      made.classList.add("wb-colour");
      const row = make("div", { class: "wb-row" });
      input.before(row);
      row.append(picker, input, ...swatches);
      return made;
    },
    font(model, { key, label }, usual) {
      const now = model.get("attributes")[key] ?? "";
      const options = [["", gettext("As the mail: %(font)s", { font: (usual ?? "").split(",")[0].replace(/['"]/g, "") })], ...FONTS];
      if (now && !FONTS.some(([value]) => value === now)) options.push([now, now.split(",")[0].replace(/['"]/g, "")]);
      const select = make("select", { class: "form-select" }, ...options.map(([value, name]) => make("option", { value, textContent: name, selected: value === now })));
      select.addEventListener("change", () => change(model, { [key]: select.value }));
      return field(label, select);
    },
    choice(model, { key, label, options }, usual) {
      count += 1;
      const now = model.get("attributes")[key] || usual;
      const group = make("div", { class: "tpl-seg", role: "radiogroup", ariaLabel: label });
      for (const [value, name] of options) {
        const input = make("input", { type: "radio", name: `choice-${count}`, value, checked: value === now });
        input.addEventListener("change", () => change(model, { [key]: value }));
        group.append(make("label", {}, input, make("span", { textContent: name })));
      }
      return make("div", { class: "field" }, make("span", { class: "form-label", textContent: label, ariaHidden: "true" }), group);
    },
    space(model, { label }, _, all) {
      const sides = paddingOf(model.get("attributes"), all);
      const inputs = SIDES.map(([side, name]) => {
        const input = make("input", { class: "form-control", type: "number", min: 0, max: 200, value: sides[side], inputMode: "numeric" });
        input.addEventListener("change", () => {
          if (!input.checkValidity()) input.value = Math.min(200, Math.max(0, Number(input.value) || 0));
          sides[side] = Number(input.value) || 0;
          change(model, { padding: shorthand(sides), "padding-top": "", "padding-right": "", "padding-bottom": "", "padding-left": "" });
        });
        return field(name, input);
      });
      const set = make("fieldset", { class: "wb-space" }, make("legend", { class: "form-label", textContent: `${label}, px` }), ...inputs);
      return set;
    },
    columns(model) {
      const columns = model.components().filter((one) => one.get("type") === "mj-column").length;
      const more = make("button", { type: "button", class: "btn btn-sm", textContent: gettext("Add a column"), disabled: columns >= 4 || columns === 0 });
      more.addEventListener("click", () => actions.addColumn(model));
      return make("div", { class: "field" }, make("span", { class: "form-label", textContent: gettext("Columns: %(count)s", { count: columns }) }), make("div", {}, more));
    },
  };

  function paddingOf(attributes, usual) {
    const read = (text) => {
      const parts = (text ?? "").trim().split(/\s+/).map((part) => Number.parseInt(part, 10) || 0);
      const [top, right = top, bottom = top, left = right] = parts;
      return { top, right, bottom, left };
    };
    const sides = read(attributes.padding ?? usual.padding ?? "0");
    for (const [side] of SIDES) {
      const own = attributes[`padding-${side}`] ?? (attributes.padding === undefined ? usual[`padding-${side}`] : undefined);
      if (own !== undefined) sides[side] = Number.parseInt(own, 10) || 0;
    }
    return sides;
  }
  const px = (value) => (value ? `${value}px` : "0");
  function shorthand({ top, right, bottom, left }) {
    if (left === right && top === bottom) return left === top ? px(top) : `${px(top)} ${px(left)}`;
    return left === right ? `${px(top)} ${px(left)} ${px(bottom)}` : `${px(top)} ${px(right)} ${px(bottom)} ${px(left)}`;
  }

  function codeFields(model) {
    const source = model.get("source");
    const pre = make("pre", { class: "wb-code", tabIndex: 0, textContent: source.length > 4000 ? `${source.slice(0, 4000)}…` : source, ariaLabel: gettext("The code of this part") });
    return [
      make("p", { class: "wb-note" }, icon("code"), make("span", { textContent: gettext("The builder cannot change this part and keeps it as it is. It can be moved and removed as a whole.") })),
      pre,
      make("a", { class: "btn", href: codeUrl, target: "_top" }, icon("code"), gettext("Edit as code")),
    ];
  }

  /** The form of a block. */
  return function fieldsOf(model) {
    count = 0;
    const type = model.get("type");
    if (type === "rh-code") return codeFields(model);
    const usual = inherited(model);
    return (FIELDS[type] ?? []).map((one) => kinds[one.as](model, one, usual[one.key], usual));
  };
}

globalThis.builderParts = { ...globalThis.builderParts, settingsOf };
