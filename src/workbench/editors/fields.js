// The field-mapping editor. Python holds the files; this page shows one mapping's columns, and sends what a person did.
const WAIT = 250;  // milliseconds a column is looked at before its payload is made
const HEADS = ["Column", "Filled", "Becomes", "Proposal", "Sure"];
const SHOWN = {
  all: ["all columns", () => true],
  none: ["without a fate", (row) => row.fate === "none"],
  mapped: ["mapped here", (row) => row.becomes],
  left: ["not moved", (row) => row.fate !== "none" && !row.becomes],
};
const KEYS = [
  ["↑ ↓ Home End", "move"], ["Enter", "accept the first proposal"],
  ["1 2 3", "see what a proposal would send"], ["Shift+1 2 3", "accept that proposal"],
  ["M", "map by hand to a field"], ["T", "another transform"],
  ["I", "leave out, with a reason"], ["D", "take back what this mapping says of it"],
  ["S", "what it tells of a patient"], ["U, Ctrl+Z", "undo"],
  ["Shift+U, Ctrl+Y", "redo"],
  ["/", "filter by text"], ["F", "what is shown: next"],
  ["O", "open the next mapping"], ["?", "these keys"],
];

let panels = 0;

function render({ model, el }) {
  const prefix = `wf${++panels}`;
  const state = { at: 0, text: "", shown: "all", choice: null, asked: null, waiting: null };
  let rows = model.get("rows"), progress = model.get("progress"), items = [];

  const mapping = make("select", { "aria-label": "Mapping", onchange: () => send("open", { answer: mapping.value }) }, ...model.get("mappings").map((name) => make("option", { value: name }, name)));
  const shown = make("select", { "aria-label": "What is shown", onchange: () => { state.shown = shown.value; refresh(); } }, ...Object.entries(SHOWN).map(([value, [text]]) => make("option", { value }, text)));
  const search = make("input", { type: "search", "aria-label": "Filter by text", placeholder: "filter", oninput: () => { state.text = search.value.toLowerCase(); refresh(); } });
  const by = make("input", { value: model.get("by"), "aria-label": "Decided by", size: 14, onchange: () => send("sign", { answer: by.value }) });
  const title = make("h3"), counted = make("span"), bar = make("progress", { max: 1, value: 0, "aria-label": "Columns with a fate" });
  const undo = make("button", { type: "button", onclick: () => send("undo") }, "Undo"), redo = make("button", { type: "button", onclick: () => send("redo") }, "Redo");
  const head = make("div", { class: "wb-row wb-head", role: "row" }, ...HEADS.map((text, place) => make("span", { role: "columnheader", class: place === 1 || place === 4 ? "wb-number" : "" }, text)));
  const body = make("div", { role: "rowgroup" });
  const view = make("div", { class: "wb-columns", role: "grid", tabindex: 0, "aria-label": "Source columns", "aria-colcount": HEADS.length }, make("div", { role: "rowgroup", style: "position: sticky; top: 0" }, head), body);
  const beside = make("div", { class: "wb-beside", role: "region", tabindex: 0, "aria-label": "The column, its proposals, and the payload of one row" });
  const list = make("datalist", { id: `${prefix}-names` }), ways = make("datalist", { id: `${prefix}-ways` }, ...model.get("transforms").map((value) => make("option", { value })));
  const typed = make("input", { "aria-label": "Answer", autocomplete: "off" }), label = make("span", { id: `${prefix}-asked` });
  const form = make("form", { class: "wb-bar wb-ask", "aria-labelledby": `${prefix}-asked` }, label, typed, make("button", { type: "submit" }, "OK"), make("button", { type: "button", onclick: () => close() }, "Cancel"), list, ways);
  const told = make("div", { class: "wb-told", role: "status", "aria-live": "polite" });
  const keys = make("details", { class: "wb-keys" }, make("summary", {}, "Keys"), make("dl", {}, ...KEYS.flatMap(([key, says]) => [make("dt", {}, key), make("dd", {}, says)])));
  const root = make("section", { class: "wb-grid wb-fields", "aria-label": "Field mapping", "data-lm-suppress-shortcuts": "true" },
    make("div", { class: "wb-bar" }, title, make("div", { class: "wb-progress" }, counted, bar), make("label", {}, "Decided by ", by)),
    make("div", { class: "wb-bar", role: "toolbar", "aria-label": "Show and decide" }, mapping, search, shown, undo, redo),
    make("div", { class: "wb-halves" }, view, beside), form, told, keys);

  // -- what is shown

  function refresh(key = items[state.at]?.column) {
    items = rows.filter((row) => SHOWN[state.shown][1](row) && (!state.text || `${row.column} ${row.becomes} ${row.why} ${row.candidates.map((one) => one.field).join(" ")}`.toLowerCase().includes(state.text)));
    const found = items.findIndex((row) => row.column === key);
    state.at = found < 0 ? Math.max(0, Math.min(state.at, items.length - 1)) : found;
    draw();
    look();
  }

  function draw() {
    title.textContent = model.get("title");
    mapping.value = model.get("mapping");
    counted.textContent = `${progress.decided} of ${progress.columns} columns have a fate`;
    bar.value = progress.columns ? progress.decided / progress.columns : 1;
    undo.disabled = !progress.undo;
    redo.disabled = !progress.redo;
    list.replaceChildren(...model.get("names").map((value) => make("option", { value })));
    body.replaceChildren(...(items.length ? items.map(line) : [make("div", { role: "row", class: "wb-row" }, make("span", { role: "gridcell", style: "grid-column: 1 / -1" }, "Nothing to show here."))]));
    view.setAttribute("aria-activedescendant", items.length ? `${prefix}-${state.at}` : "");
  }

  function line(row, place) {
    const best = row.candidates[0], open = row.fate === "none";
    const becomes = row.becomes || (open ? "no fate yet" : row.fate === "mapped" ? `elsewhere: ${row.why}` : `not moved: ${row.why}`);
    const cells = [row.column, row.filled.toLocaleString("en-US"), becomes, best ? make("span", { class: open ? "wb-proposed" : "" }, best.field) : "", best ? best.confidence.toFixed(2) : ""];
    return make("div", { id: `${prefix}-${place}`, role: "row", "aria-selected": String(place === state.at), class: `wb-row${open ? " wb-none" : ""}${place === state.at ? " wb-here" : ""}`, onclick: () => { view.focus(); move(place); } },
      ...cells.map((cell, at) => make("span", { role: "gridcell", class: at === 1 || at === 4 ? "wb-number" : "", title: typeof cell === "string" ? cell : "" }, cell)));
  }

  function look() {
    const row = items[state.at];
    clearTimeout(state.waiting);
    state.choice = row && row.fate === "none" && row.candidates.length ? 0 : null;
    tell(row, null);
    if (row) state.waiting = setTimeout(() => send("look", { id: row.id, choice: state.choice }), WAIT);
  }

  function tell(row, payload) {
    if (!row) { beside.replaceChildren(); return; }
    const samples = row.samples.length ? row.samples.flatMap((one, place) => [place ? ", " : "", make("code", {}, one)]) : ["none is filled"];
    const parts = [make("h4", {}, row.column), make("p", {}, `Filled in ${row.filled.toLocaleString("en-US")} of ${row.rows.toLocaleString("en-US")} rows; by shape: `, ...samples)];
    parts.push(make("p", {}, `Sensitivity: ${row.sensitivity}`));
    if (row.how) parts.push(make("p", {}, `Now: ${row.becomes}, ${row.how}`));
    if (row.why) parts.push(make("p", {}, row.fate === "mapped" ? `Elsewhere: ${row.why}` : `Why not: ${row.why}`));
    parts.push(make("h4", {}, "Proposals"), row.candidates.length ? make("ol", {}, ...row.candidates.map((one) => make("li", {}, make("code", {}, one.field), ` ${one.confidence.toFixed(2)}, as ${one.transform.replaceAll("_", " ")}: ${one.reason}`))) : make("p", {}, `None: ${row.reason}`));
    const proposal = state.choice === null ? "" : `, with ${row.candidates[state.choice].field}`;
    parts.push(make("h4", {}, `The payload of one row${proposal}`));
    if (!payload) parts.push(make("p", {}, "…"));
    else {
      parts.push(...payload.problems.map((one) => make("p", {}, one)));
      if (payload.fields.length) parts.push(make("table", {}, make("tbody", {}, ...payload.fields.map(([name, before, after]) => make("tr", { class: before === after ? "" : "wb-changed" }, make("th", { scope: "row" }, name), make("td", {}, make("code", {}, after || "(gone)")), make("td", {}, before === after ? "" : before ? make("span", {}, "was ", make("code", {}, before)) : "new"))))));
    }
    beside.replaceChildren(...parts);
  }

  const say = (text) => { told.textContent = text; };

  function move(place) {
    state.at = Math.max(0, Math.min(place, items.length - 1));
    draw();
    body.children[state.at]?.scrollIntoView({ block: "nearest" });
    look();
  }

  // -- what is done

  function send(name, more = {}) { model.send({ act: name, ...more }); }

  function ask(text, value, done, names = null) {
    state.asked = done;
    label.textContent = text;
    if (names) typed.setAttribute("list", names.id); else typed.removeAttribute("list");
    typed.setAttribute("aria-label", text);
    typed.value = value;
    form.classList.add("wb-on");
    typed.focus();
    typed.select();
  }

  function close() { form.classList.remove("wb-on"); state.asked = null; view.focus(); }

  form.addEventListener("submit", (event) => { event.preventDefault(); const done = state.asked, value = typed.value; close(); done?.(value); });

  const ACTS = {
    Enter: ({ id }) => send("accept", { id, choice: state.choice ?? 0 }),
    M: (row) => ask(`Map ${row.column} to`, row.candidates[0]?.field ?? "", (answer) => send("map", { id: row.id, answer }), list),
    T: (row) => ask(`Transform of ${row.becomes || row.column}`, "text", (answer) => send("via", { id: row.id, answer }), ways),
    I: (row) => ask(`Why ${row.column} does not move`, row.why || (row.candidates.length ? "" : row.reason), (answer) => send("leave", { id: row.id, answer })),
    S: (row) => ask(`What ${row.column} tells of a patient: none, quasi, direct or health`, row.sensitivity, (answer) => send("sensitivity", { id: row.id, answer })),
    D: ({ id }) => send("take_out", { id }),
  };
  const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 };

  view.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key, row = items[state.at], control = event.ctrlKey || event.metaKey;
    const digit = /^Digit([1-3])$/.exec(event.code);
    let taken = true;
    if (key in MOVES) move(state.at + MOVES[key]);
    else if (control && key === "Z") send(event.shiftKey ? "redo" : "undo");
    else if (control && key === "Y") send("redo");
    else if (control || event.altKey) taken = false;
    else if (digit && row) {
      const choice = Number(digit[1]) - 1;
      if (choice >= row.candidates.length) say("There is no such proposal.");
      else if (event.shiftKey) send("accept", { id: row.id, choice });
      else { state.choice = choice; tell(row, null); send("look", { id: row.id, choice }); }
    }
    else if (key === "U") send(event.shiftKey ? "redo" : "undo");
    else if (key === "/") { search.focus(); search.select(); }
    else if (key === "F") { const names = Object.keys(SHOWN); state.shown = shown.value = names[(names.indexOf(state.shown) + 1) % names.length]; refresh(); say(`${SHOWN[state.shown][0]}: ${items.length}.`); }
    else if (key === "O") { const names = model.get("mappings"); send("open", { answer: names[(names.indexOf(model.get("mapping")) + 1) % names.length] }); }
    else if (key === "?") keys.open = !keys.open;
    else if (key in ACTS) row ? ACTS[key](row) : say("Nothing is shown here: F shows other columns, / filters.");
    else if (key === "Tab") taken = false;
    if (taken) event.preventDefault();
  });
  search.addEventListener("keydown", (event) => { if (["Enter", "ArrowDown", "Escape"].includes(event.key)) { if (event.key === "Escape") { search.value = state.text = ""; refresh(); } event.preventDefault(); view.focus(); move(0); } });
  typed.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.preventDefault(); close(); } });
  root.addEventListener("keydown", (event) => event.stopPropagation());

  const received = (message) => {
    if (message.act === "look") { if (message.id === items[state.at]?.id && message.choice === state.choice) tell(items[state.at], message); return; }
    for (const name of ["mapping", "title", "names"]) model.set(name, message[name], { silent: true });
    rows = message.rows;
    progress = message.progress;
    if (message.act === "open") state.at = 0;
    refresh(message.act === "open" ? rows[0]?.column : undefined);
    if (message.told) say(message.told);
  };
  model.on("msg:custom", received);
  const returned = () => document.visibilityState === "visible" && send("refresh");
  document.addEventListener("visibilitychange", returned);
  window.addEventListener("focus", returned);
  el.append(root);
  refresh();
  return () => { clearTimeout(state.waiting); model.off("msg:custom", received); document.removeEventListener("visibilitychange", returned); window.removeEventListener("focus", returned); };
}

export default { render };
