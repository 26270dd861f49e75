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
  ["M", "map by hand to a field, instead of what it fills; two names with a comma fill both"], ["T", "another transform"],
  ["I", "leave out, with a reason"], ["D", "take back what this mapping says of it"],
  ["S", "what it tells of a patient"], ["U, Ctrl+Z", "undo"],
  ["Shift+U, Ctrl+Y", "redo"], ["/", "filter by text, or by /pattern/: columns of that name, else what is said of them"],
  ["F, Shift+F", "what is shown: next, or before"], ["O, Shift+O", "open the next mapping, or the one before"],
  ["E", "read the files again"], ["?", "these keys"],
];

let panels = 0;

function render({ model, el }) {
  const prefix = `wf${++panels}`;
  const state = { at: 0, choice: null, waiting: null };
  const trails = new Map();  // by message: the columns without a fate that come after the one it is about
  let rows = model.get("rows"), progress = model.get("progress"), items = [];

  const { send, close: hangUp } = connect(model, (message, isMine) => heard(message, isMine), () => { signer.reset(); say(GONE); draw(); });
  const signer = makeSigner(model, send);
  const mapping = make("select", { "aria-label": "Mapping", onchange: () => send("open", { answer: mapping.value }) }, ...model.get("mappings").map((name) => make("option", { value: name }, name)));
  const shown = make("select", { "aria-label": "What is shown", onchange: () => { say(""); refresh(); } }, ...Object.entries(SHOWN).map(([value, [text]]) => make("option", { value }, text)));
  const search = make("input", { type: "search", "aria-label": "Filter by text", placeholder: "filter", oninput: () => { say(""); refresh(); } });
  const title = make("h3"), counted = make("span"), bar = make("progress", { max: 1, value: 0, "aria-label": "Columns with a fate" });
  const undo = make("button", { type: "button", onclick: () => send("undo") }, "Undo"), redo = make("button", { type: "button", onclick: () => send("redo") }, "Redo");
  const head = make("div", { class: "wb-row wb-head", role: "row" }, ...HEADS.map((text, place) => make("span", { role: "columnheader", class: place === 1 || place === 4 ? "wb-number" : "" }, text)));
  const body = make("div", { role: "rowgroup" });
  const view = make("div", { class: "wb-columns", role: "grid", tabindex: 0, "aria-label": "Source columns", "aria-colcount": HEADS.length }, make("div", { role: "rowgroup", style: "position: sticky; top: 0" }, head), body);
  const beside = make("div", { class: "wb-beside", role: "region", tabindex: 0, "aria-label": "The column, its proposals, and the payload of one row" });
  const list = make("datalist", { id: `${prefix}-names` }), ways = make("datalist", { id: `${prefix}-ways` }, ...model.get("transforms").map((value) => make("option", { value })));
  const form = makeForm(prefix, view, list, ways);
  const told = make("div", { class: "wb-told", role: "status", "aria-live": "polite" });
  const keys = makeKeys(KEYS), writes = make("span");
  const root = make("section", { class: "wb-grid wb-fields", "aria-label": "Field mapping", "data-lm-suppress-shortcuts": "true" },
    make("div", { class: "wb-bar" }, title, make("div", { class: "wb-progress" }, counted, bar), make("label", {}, "Decided by ", signer.field)),
    make("div", { class: "wb-bar wb-writes" }, writes),
    make("div", { class: "wb-bar", role: "toolbar", "aria-label": "Show and decide" }, mapping, search, shown, undo, redo),
    make("div", { class: "wb-halves" }, view, beside), form.form, told, keys);

  // -- what is shown

  function refresh(key = items[state.at]?.column) {
    const finds = finder(search.value), may = rows.filter(SHOWN[shown.value][1]), named = may.filter((row) => finds([row.column]));
    items = named.length ? named : may.filter((row) => finds([row.becomes, row.why, ...row.candidates.map((one) => one.field)]));
    const found = items.findIndex((row) => row.column === key);
    state.at = found < 0 ? Math.max(0, Math.min(state.at, items.length - 1)) : found;
    draw();
    look();
  }

  function draw() {
    title.textContent = model.get("title");
    mapping.value = model.get("mapping");
    writes.textContent = model.get("writes");
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

  const typedFor = (text, value, row, act, list = null) => form.open(text, value, (answer) => decide(act, row, { answer }), { list });

  function decide(name, row, more = {}) {
    const open = (one) => one.fate === "none", later = [...items.slice(state.at + 1), ...items.slice(0, state.at)];
    trails.set(send(name, { id: row.id, ...more }), open(row) ? later.filter(open).map((one) => one.column) : []);
  }

  const ACTS = {
    Enter: (row) => decide("accept", row, { choice: state.choice ?? 0 }),
    M: (row) => typedFor(row.becomes ? `Map ${row.column}, instead of ${row.becomes}, to` : `Map ${row.column} to`, row.becomes || (row.candidates[0]?.field ?? ""), row, "map", list),
    T: (row) => typedFor(`Transform of ${row.becomes || row.column}`, "text", row, "via", ways),
    I: (row) => typedFor(`Why ${row.column} does not move`, (row.becomes ? "" : row.why) || (row.candidates.length ? "" : row.reason), row, "leave"),
    S: (row) => typedFor(`What ${row.column} tells of a patient: none, quasi, direct or health`, row.sensitivity, row, "sensitivity"),
    D: (row) => decide("take_out", row),
  };
  const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 };

  view.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key, row = items[state.at], control = event.ctrlKey || event.metaKey;
    const digit = /^Digit([1-3])$/.exec(event.code);
    let taken = true;
    if (key === "ArrowRight" || key === "ArrowLeft") view.scrollLeft += key === "ArrowRight" ? 120 : -120;
    else if (key in MOVES) move(state.at + MOVES[key]);
    else if (control && key === "Z") send(event.shiftKey ? "redo" : "undo");
    else if (control && key === "Y") send("redo");
    else if (control || event.altKey) taken = false;
    else if (digit && row) {
      const choice = Number(digit[1]) - 1;
      if (choice >= row.candidates.length) say("There is no such proposal.");
      else if (event.shiftKey) decide("accept", row, { choice });
      else { state.choice = choice; tell(row, null); send("look", { id: row.id, choice }); }
    }
    else if (key === "U") send(event.shiftKey ? "redo" : "undo");
    else if (key === "/") { search.focus(); search.select(); }
    else if (key === "F") { turn(shown, event.shiftKey); refresh(); say(`${SHOWN[shown.value][0]}: ${items.length}.`); }
    else if (key === "O") { turn(mapping, event.shiftKey); send("open", { answer: mapping.value }); }
    else if (key === "E") send("refresh", { asked: true });
    else if (key === "Escape") say("");
    else if (key === "?") keys.open = !keys.open;
    else if (key in ACTS) row ? ACTS[key](row) : say("Nothing is shown here: F shows other columns, / filters.");
    else if (key === "Tab") taken = false;
    if (taken) event.preventDefault();
  });
  search.addEventListener("keydown", (event) => { if (["Enter", "ArrowDown", "Escape"].includes(event.key)) { if (event.key === "Escape") { search.value = ""; say(""); refresh(); } event.preventDefault(); view.focus(); move(0); } });
  root.addEventListener("keydown", (event) => event.stopPropagation());

  function heard(message, isMine) {
    if (message.act === "look") { if (message.id === items[state.at]?.id && message.choice === state.choice) tell(items[state.at], message); return; }
    const was = items[state.at]?.column, after = trails.get(message.number) ?? [];
    trails.delete(message.number);
    for (const name of ["mapping", "title", "names", "writes"]) model.set(name, message[name], { silent: true });
    const lost = rows.filter((row) => row.fate === "none").map((row) => row.column);
    rows = message.rows;
    progress = message.progress;
    signer.heard(message.signed);
    if (message.act === "open") state.at = 0;
    const open = new Set(rows.filter((row) => row.fate === "none").map((row) => row.column));
    const next = lost.includes(was) && !open.has(was) ? after.find((column) => open.has(column)) : undefined;
    refresh(message.act === "open" ? rows[0]?.column : next ?? was);
    body.children[state.at]?.scrollIntoView({ block: "nearest" });
    if (message.told) say(message.told);
    if (isMine && message.refused) form.again();
  }

  el.append(root);
  refresh();
  return () => { clearTimeout(state.waiting); hangUp(); signer.close(); };
}

export default { render };
