// What the pages of both editors share: elements, the wire to Python, the form that asks, and keys that step through choices.
const PATIENCE = 4000;  // milliseconds until a kernel that does not answer is told
const PAUSE = 200;  // milliseconds after a letter until Python is asked what it would mean
const GONE = "No answer yet: the kernel is busy, and does it when it can, or it is gone: then run this cell again.";

const many = (count, one) => `${count.toLocaleString("en-US")} ${one}${count === 1 ? "" : "s"}`;

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);  // texts become text nodes: what a practice typed is never read as HTML
  return made;
}

// Send what a person did, and hear what came of it; `lost` is called when nothing comes.
function connect(model, heard, lost) {
  const name = Math.random().toString(36).slice(2), waiting = new Map();
  let count = 0;
  const fail = (number) => { clearTimeout(waiting.get(number)); waiting.delete(number); lost(); };
  const send = (act, more = {}) => {
    const number = `${name}-${++count}`;
    waiting.set(number, setTimeout(() => fail(number), PATIENCE));
    try { model.send({ act, number, ...more }); } catch { fail(number); }
    return number;
  };
  const received = (message) => {
    clearTimeout(waiting.get(message.number));
    waiting.delete(message.number);
    heard(message, String(message.number ?? "").startsWith(`${name}-`));  // another view of this page may have asked
  };
  const returned = () => document.visibilityState === "visible" && send("refresh");
  model.on("msg:custom", received);
  document.addEventListener("visibilitychange", returned);
  window.addEventListener("focus", returned);
  const close = () => {
    waiting.forEach((timer) => clearTimeout(timer));
    model.off("msg:custom", received);
    document.removeEventListener("visibilitychange", returned);
    window.removeEventListener("focus", returned);
  };
  return { send, close };
}

// The field with the name under which is decided; all editors of a kernel have the same.
function makeSigner(model, send) {
  const field = make("input", { value: model.get("by"), "aria-label": "Decided by", size: 14, onchange: () => send("sign", { answer: field.value }) });
  const renamed = () => { field.value = model.get("by"); };
  model.on("change:by", renamed);
  return { field, reset: renamed, heard: (by) => { if (by !== undefined) field.value = by; }, close: () => model.off("change:by", renamed) };
}

// One line that asks for a text and gives it to `done`; `again` opens it anew with what was typed, and Enter then means it.
function makeForm(prefix, back, ...lists) {
  const typed = make("input", { "aria-label": "Answer", autocomplete: "off" }), label = make("span", { id: `${prefix}-asked` });
  const would = make("output", { class: "wb-would", "aria-live": "polite" });
  const form = make("form", { class: "wb-bar wb-ask", "aria-labelledby": `${prefix}-asked` }, label, typed, make("button", { type: "submit" }, "OK"), make("button", { type: "button", onclick: () => close() }, "Cancel"), would, ...lists);
  let asked = null, last = null, timer = 0;
  const close = () => { clearTimeout(timer); form.classList.remove("wb-on"); asked = null; back.focus(); };
  function open(text, value, done, { list = null, kind = "text", watch = null, refused = null } = {}) {
    asked = { text, done, list, kind, watch, refused };
    label.textContent = text;
    would.textContent = "";
    typed.type = kind;
    for (const [name, bound] of Object.entries({ min: "0.5", max: "1", step: "0.01", required: "" })) kind === "number" ? typed.setAttribute(name, bound) : typed.removeAttribute(name);
    list ? typed.setAttribute("list", list.id) : typed.removeAttribute("list");
    typed.setAttribute("aria-label", text);
    typed.value = value;
    form.classList.add("wb-on");
    typed.focus();
    typed.select();
    watch?.(value);
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const was = asked, value = typed.value;
    last = was && { ...was, value };
    close();
    was?.done(value, was.refused === value);
  });
  typed.addEventListener("input", () => { clearTimeout(timer); would.textContent = ""; if (asked?.watch) timer = setTimeout(() => asked?.watch(typed.value), PAUSE); });
  typed.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); close(); } });
  return { form, open, tell: (text) => { if (asked) would.textContent = text; }, again: () => last && open(last.text, last.value, last.done, { ...last, refused: last.value }) };
}

function makeKeys(keys) {
  return make("details", { class: "wb-keys" }, make("summary", {}, "Keys"), make("dl", {}, ...keys.flatMap(([key, says]) => [make("dt", {}, key), make("dd", {}, says)])));
}

// Turn a choice to the next one, or to the one before.
function turn(select, back = false) {
  const names = [...select.options].map((one) => one.value), at = names.indexOf(select.value) + (back ? -1 : 1);
  select.value = names[(at + names.length) % names.length];
}

// How a text finds lines: as it stands, or between two slashes as a regular expression.
function finder(text) {
  const found = /^\/(.+)\/$/.exec(text), wanted = text.toLowerCase();
  if (found) {
    try { const pattern = new RegExp(found[1], "i"); return (texts) => texts.some((one) => pattern.test(one)); } catch { return () => false; }
  }
  return (texts) => !wanted || texts.some((one) => one.toLowerCase().includes(wanted));
}
