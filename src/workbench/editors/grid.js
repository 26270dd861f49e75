// The grid of one value map. Python holds the rows; this page shows a window of them, and sends what a person did.
const HEIGHT = 28, AROUND = 8, NAMED = 3, SMALL = 8;  // a group so small stands open: all that Enter takes is seen
let grids = 0;

function render({ model, el }) {
  const prefix = `wb${++grids}`;
  const rows = [...model.get("rows")];
  const state = { at: 0, anchor: null, asked: null };
  const chosen = new Set(), turned = new Map();  // groups that a person opened, or shut: they stay so when they shrink
  const numbers = {};  // by way: each line's group
  let items = [], progress = model.get("progress");

  const { send, close: hangUp } = connect(model, (message, isMine) => heard(message, isMine), () => { signer.reset(); say(GONE); });
  const signer = makeSigner(model, send);
  const search = make("input", { type: "search", "aria-label": "Filter by text", placeholder: "filter", oninput: () => { say(""); refresh(); } });
  const picker = (name, choices, changed = () => refresh()) => make("select", { "aria-label": name, onchange: changed },
    ...Object.entries(choices).map(([value, [text]]) => make("option", { value }, text)));
  const shown = picker("What is shown", SHOWN), order = picker("Order", ORDERS), ways = picker("Grouped by", WAYS, () => regroup());
  const bar = make("progress", { max: 1, value: 0, "aria-label": "Records decided" });
  const counted = make("span");
  const buttons = { undo: make("button", { type: "button", onclick: () => act("undo") }, "Undo"), redo: make("button", { type: "button", onclick: () => act("redo") }, "Redo") };
  const accept = make("button", { type: "button", onclick: () => act("A") }, "Accept sure ones…");
  const head = make("div", { class: "wb-row wb-head", role: "row", "aria-rowindex": 1 }, ...HEADS.map((text, place) => make("span", { role: "columnheader", "aria-colindex": place + 1, class: place === 2 || place === 4 ? "wb-number" : "" , "aria-label": place ? null : "Selected" }, text)));
  const space = make("div", { role: "rowgroup", style: "position: relative" });
  const view = make("div", { class: "wb-rows", role: "treegrid", tabindex: 0, "aria-label": `Spellings of ${model.get("title")}`, "aria-multiselectable": true, "aria-colcount": HEADS.length }, make("div", { role: "rowgroup", class: "wb-headgroup", style: "position: sticky; top: 0; z-index: 1; height: 28px" }, head), space);
  const list = make("datalist", { id: `${prefix}-answers` });
  const form = makeForm(prefix, view, list);
  const told = make("div", { class: "wb-told", role: "status", "aria-live": "polite" });
  const about = make("div", { class: "wb-about", "aria-live": "polite" });
  const keys = makeKeys(KEYS);
  const [writes, warning] = model.get("writes");
  const parts = [
    make("div", { class: "wb-bar" }, make("h3", {}, model.get("title")), make("div", { class: "wb-progress" }, counted, bar), make("span", { class: "wb-soft" }, model.get("approved")), make("label", {}, "Decided by ", signer.field)),
    make("div", { class: "wb-bar wb-writes" }, make("span", {}, writes), ...(warning ? [make("strong", {}, warning)] : [])),
    make("div", { class: "wb-bar", role: "toolbar", "aria-label": "Show and decide" }, search, shown, order, make("label", {}, "Grouped by ", ways), accept, buttons.undo, buttons.redo),
    view, form.form, about, told, keys];
  const folded = model.get("is_folded") && [make("details", {}, make("summary", { class: "wb-bar" }, `${model.get("title")}: ${many(progress.spellings, "spelling")}, all decided`), ...parts)];
  const root = make("section", { class: "wb-grid", "aria-label": `Value map ${model.get("title")}`, "data-lm-suppress-shortcuts": "true" }, ...(folded || parts));
  for (const answer of model.get("answers")) list.append(make("option", { value: answer }));

  // -- what is shown

  const regroup = () => (WAYS[ways.value][1] || numbers[ways.value] ? refresh() : send("group", { by: ways.value }));
  const groupOf = (row, way) => (WAYS[way][1] ? WAYS[way][1](row) : numbers[way] && `${way}:${numbers[way][row.id]}`) || `r:${row.id}`;

  function refresh(follow = true, show = draw) {
    const at = follow ? items[state.at] : null, first = (at?.row ?? at?.members[0])?.id, finds = finder(search.value), way = ways.value;
    const found = rows.filter((row) => SHOWN[shown.value][1](row) && finds([row.shown, row.answer, row.proposal ?? "", row.note]));
    const groups = new Map();
    for (const row of found) {
      const key = groupOf(row, way);
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    const tops = [...groups].map(([key, members]) => ({
      key: members.length > 1 ? key : `r:${members[0].id}`, members, at: members[0].id, name: (members.length > 1 && way === "becomes" && members[0].named) || members[0].shown,
      records: members.reduce((sum, row) => sum + row.records, 0), confidence: Math.min(...members.map((row) => row.confidence)),
    })).sort(ORDERS[order.value][1]);
    items = tops.flatMap((top) => top.members.length === 1
      ? [{ key: top.key, row: top.members[0], level: 1 }]
      : [{ ...top, level: 1 }, ...(isOpened(top) ? top.members.map((row) => ({ key: `r:${row.id}`, row, level: 2, parent: top.key })) : [])]);
    let kept = items.findIndex((item) => item.key === at?.key);
    if (kept < 0) kept = items.findIndex((item) => idsOf(item).includes(first));  // grouped otherwise: where its line went
    state.at = Math.max(0, Math.min(kept >= 0 ? kept : state.at, items.length - 1));
    const there = new Set(found.map((row) => row.id));
    for (const id of chosen) if (!there.has(id)) chosen.delete(id);
    view.classList.toggle("wb-plain", !rows.some((row) => row.by || marksOf(row).length));  // nothing stands in two columns
    view.setAttribute("aria-rowcount", items.length + 1);
    space.style.height = `${items.length * HEIGHT}px`;
    view.style.height = `${Math.min(15, Math.max(4, items.length + 1)) * HEIGHT + 4}px`;
    show();
  }

  function draw() {
    const first = Math.max(0, Math.floor(view.scrollTop / HEIGHT) - AROUND), last = Math.min(items.length, first + Math.ceil(view.clientHeight / HEIGHT || 15) + 2 * AROUND);
    space.replaceChildren(...(items.length ? items.slice(first, last).map((item, place) => line(item, first + place)) : [make("div", { role: "row", class: "wb-row" }, make("span", { role: "gridcell", style: "grid-column: 1 / -1" }, "Nothing to show here."))]));
    view.setAttribute("aria-activedescendant", items.length ? `${prefix}-${state.at}` : "");
    about.textContent = describe(items[state.at]);
    counted.textContent = `${progress.decided.toLocaleString("en-US")} of ${many(progress.spellings, "spelling")}, ${share()} % of records decided`;
    bar.value = progress.records ? progress.decided_records / progress.records : 1;
    buttons.undo.disabled = !progress.undo;
    buttons.redo.disabled = !progress.redo;
    accept.disabled = !rows.some((row) => isOpen(row) && row.sure);
  }

  function share() {  // never 100 while a record waits
    const found = progress.records ? (100 * progress.decided_records) / progress.records : 100;
    return (found < 100 ? Math.min(99.9, found) : 100).toFixed(1).replace(".0", "");
  }

  function line(item, place) {
    const cells = item.row ? ofRow(item.row) : ofGroup(item);
    const ids = item.row ? [item.row.id] : item.members.map((row) => row.id);
    const marked = ids.every((id) => chosen.has(id));
    return make("div", {
      id: `${prefix}-${place}`, "data-key": item.key, role: "row", class: `wb-row${item.row ? "" : " wb-group"}${place === state.at ? " wb-here" : ""}`, style: `top: ${place * HEIGHT}px`,
      "aria-rowindex": place + 2, "aria-level": item.level, "aria-selected": String(marked), "aria-expanded": item.row ? null : String(isOpened(item)),
      onclick: (event) => { state.at = place; if (event.shiftKey) extend(place); else if (event.ctrlKey || event.metaKey || event.target.matches(":first-child")) toggle(ids); else if (!item.row && event.target.matches(":nth-child(2)")) flip(item); view.focus(); refresh(); },
      ondblclick: () => item.row && act("M"),
    }, make("span", { role: "gridcell", "aria-colindex": 1 }, marked ? "✓" : ""), ...cells.map((cell, at) => {
      const made = make("span", { role: "gridcell", "aria-colindex": at + 2, class: at === 1 || at === 3 ? "wb-number" : "", title: typeof cell === "string" ? cell : "" });
      made.append(...[cell].flat());
      return made;
    }));
  }

  const becomesOf = (row) => ({ map: row.answer, keep: "(as it is)", blank: "(left blank)" }[row.decision]);
  const signed = (row) => [row.by, row.on].filter(Boolean).join(", ");
  const marksOf = (row) => [row.pinned && "pinned", row.new && "new", row.was && `changed since the approval (was ${row.was})`, row.differs && "unlike the proposal"].filter(Boolean);

  function ofRow(row) {
    const becomes = becomesOf(row), proposed = row.proposal === null ? "" : row.proposal || "(left blank)";
    const who = row.decision ? ` by ${row.by || "nobody"}, ${row.on}` : ": it has no row now";
    const tags = marksOf(row).map((tag) => make("span", { class: "wb-tag", title: tag.startsWith("changed") ? `${tag}${who}` : tag }, tag.split(" ")[0]));  // whole in the line below
    return [row.shown, row.records.toLocaleString("en-US"), becomes ?? (proposed ? make("span", { class: "wb-proposed", title: proposed }, `${proposed} ?`) : ""), row.confidence ? row.confidence.toFixed(2) : "", row.decision || "open", tags, [row.on, row.by].filter(Boolean).join(" "), row.why];
  }

  const leastSure = (members) => members.reduce((least, row) => (row.confidence < least.confidence ? row : least));

  function ofGroup(item) {
    const open = item.members.filter(isOpen).length, least = leastSure(item.members);
    const answer = answerOf(item);
    return [`${isOpened(item) ? "▾" : "▸"} ${many(item.members.length, "spelling")}: ${item.members.slice(0, NAMED).map((row) => row.shown).join(", ")}${item.members.length > NAMED ? " …" : ""}`, item.records.toLocaleString("en-US"), open ? make("span", { class: "wb-proposed", title: answer }, `${answer} ?`) : answer, least.confidence ? least.confidence.toFixed(2) : "", open ? `${open} open` : "decided", "", "", least.confidence ? least.reason : ""];
  }

  function answerOf(item) {
    const found = new Map(item.members.filter((row) => row.group).map((row) => [row.group, row.named]));
    return found.size > 1 ? `${found.size} answers` : [...found.values()][0] ?? "none yet";
  }

  // All that a line says, whatever a narrow column cuts, and what the keys 1, 2, 3 would take.
  function describe(item) {
    if (!item) return "";
    if (!item.row) {
      const open = item.members.filter(isOpen).length, least = leastSure(item.members);
      const sure = least.confidence ? ` Least sure: ${least.shown} ${least.confidence.toFixed(2)}, ${least.reason}.` : "";
      return `${many(item.members.length, "spelling")}, ${many(item.records, "record")}: ${answerOf(item)}; ${open ? `${open} open` : "all decided"}.${sure}`;
    }
    const row = item.row, becomes = becomesOf(row), who = signed(row), marks = marksOf(row);
    const first = row.proposal === null ? [] : [[1, row.proposal || "(left blank)", row.offered, row.reason]];
    const offers = [...first, ...row.others].map(([place, value, confidence, reason]) => `${place}: ${value}${confidence ? ` ${confidence.toFixed(2)}` : ""}${reason ? `, ${reason}` : ""}`);
    return [
      `${row.shown}, ${many(row.records, "record")}: ${becomes ?? (row.decision === "ask" ? "asked" : "open")}${who && ` by ${who}`}.`,
      offers.length ? `${offers.join("; ")}.` : "No proposal.", row.note && row.note === row.why ? `Note: ${row.note}.` : "", marks.length ? `Marks: ${marks.join("; ")}.` : "",
    ].filter(Boolean).join(" ");
  }

  // -- what is meant

  const idsOf = (item) => (item ? (item.row ? [item.row.id] : item.members.map((row) => row.id)) : []);
  const target = () => (chosen.size ? [...chosen].sort((a, b) => a - b) : idsOf(items[state.at]));
  const groupAnswer = (ids) => { const found = ids.filter((id) => !rows[id].masked).map((id) => rows[id].answer || rows[id].proposal || "").find(Boolean); return found ?? ""; };
  const records = (ids) => ids.reduce((sum, id) => sum + rows[id].records, 0);
  const toggle = (ids) => { const all = ids.every((id) => chosen.has(id)); ids.forEach((id) => (all ? chosen.delete(id) : chosen.add(id))); preview(); };
  const isOpened = (group) => turned.get(group.key) ?? group.members.length <= SMALL;
  const seconds = () => say("1, 2 and 3 take a proposal of one line: → opens a group, Esc selects none.");
  const announce = (select, choices) => say(`${select.getAttribute("aria-label")}: ${choices[select.value][0]}; ${many(items.length, "line")}.`);
  const say = (text) => { told.textContent = text; };
  const flip = (group) => turned.set(group.key, !isOpened(group));

  function preview() {
    const ids = target();
    say(chosen.size ? `Selected: ${many(ids.length, "spelling")}, ${many(records(ids), "record")}.` : "");
  }

  function extend(place) {
    if (state.anchor === null) state.anchor = state.at;
    chosen.clear();
    for (let at = Math.min(state.anchor, place); at <= Math.max(state.anchor, place); at++) idsOf(items[at]).forEach((id) => chosen.add(id));
    state.at = place;
    preview();
  }

  function move(place, selecting) {
    const to = Math.max(0, Math.min(place, items.length - 1));
    if (selecting) extend(to);
    else { state.anchor = null; state.at = to; }
    const top = to * HEIGHT;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + 2 * HEIGHT > view.scrollTop + view.clientHeight) view.scrollTop = top + 2 * HEIGHT - view.clientHeight;
    draw();
    if (!selecting && !chosen.size) preview();
  }

  // -- what is done

  const trails = new Map();  // by message: where the cursor was, and what came after it

  function trail() {
    const here = items[state.at], later = items.slice(state.at + 1).filter((one) => one.parent !== here?.key);
    const home = here?.parent ? later.filter((one) => one.parent === here.parent) : [];
    return here && { here, after: [...home, ...later].map((one) => [one.key, `r:${idsOf(one)[0]}`]).flat() };
  }

  function decide(name, more) {
    const path = trail();
    trails.set(send(name, more), path);
  }

  // The line itself has been passed by, the next of its group is next; a group that is still shown keeps the cursor.
  function whereNext({ here, after }) {
    const at = new Map();
    items.forEach((item, place) => { at.set(item.key, place); if (!item.row && !isOpened(item)) item.members.forEach((row) => at.set(`r:${row.id}`, place)); });
    const own = here.row ? [] : [here.key, ...here.members.map((row) => `r:${row.id}`)];
    const found = [...own, ...after, here.key].find((key) => at.has(key));
    return found === undefined ? state.at : at.get(found);
  }

  const act = (name) => (name in SENT ? (DECIDES.includes(SENT[name]) ? decide : send)(SENT[name], { ids: target() }) : ACTS[name](target()));
  const mapped = (verb, into) => (ids) => form.open(`${verb} ${many(ids.length, "spelling")} (${many(records(ids), "record")}) ${into}`, groupAnswer(ids), (answer, again) => decide("map", { ids, answer, again }), { list });

  const ACTS = {
    Enter(ids) {
      const item = items[state.at];
      const seen = new Set(items.filter((one) => one.row).map((one) => one.row.id));  // a shut group's lines are before nobody's eyes
      decide("accept", { ids: ids.length > 1 ? ids.filter((id) => isOpen(rows[id])) : ids, seen: item && ids.every((id) => seen.has(id)) });
    },
    A() {
      const some = chosen.size ? [...chosen] : search.value ? items.filter((one) => one.level === 1).flatMap(idsOf) : null;
      const which = some ? ` of the ${many(some.length, "spelling")} ${chosen.size ? "selected" : "shown"}` : "";
      const more = (value) => ({ share: value.trim() === "" ? null : Number(value), ...(some ? { ids: some } : {}) });
      form.open(`Accept every open proposal${which} at or above`, "0.95", (value) => send("accept_above", more(value)), { kind: "number", watch: (value) => send("would_accept", more(value)) });
    },
    M: mapped("Map", "to"),
    R: mapped("Rename:", "become"),
    G: mapped("Merge", "into"),
    N(ids) { form.open(`Note for ${many(ids.length, "spelling")}`, ids.length === 1 ? rows[ids[0]].note : "", (answer) => send("note", { ids, answer })); },
  };

  function next(select, choices, back, changed = refresh) {
    turn(select, back);
    changed();
    announce(select, choices);
  }

  const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -1e9, End: 1e9 };

  view.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toUpperCase() : event.key, item = items[state.at], control = event.ctrlKey || event.metaKey;
    let taken = true;
    if (event.shiftKey && (key === "ArrowRight" || key === "ArrowLeft")) view.scrollLeft += key === "ArrowRight" ? 120 : -120;
    else if (key in MOVES) move(state.at + MOVES[key], event.shiftKey);
    else if (control && key === "A") { items.forEach((one) => idsOf(one).forEach((id) => chosen.add(id))); preview(); draw(); }
    else if (key === (control ? "Z" : "U")) act(event.shiftKey ? "redo" : "undo");
    else if (control && key === "Y") act("redo");
    else if (control || event.altKey) taken = false;
    else if (key === "Escape") { chosen.clear(); state.anchor = null; say(""); draw(); }
    else if (key === " ") { toggle(idsOf(item)); move(state.at + 1); }
    else if (key === "ArrowRight") { if (item && !item.row && !isOpened(item)) { flip(item); refresh(); } }
    else if (key === "ArrowLeft") {
      const up = items.find((one) => !one.row && one.key === (item?.parent ?? item?.key));
      if (up && isOpened(up)) flip(up);
      if (up) state.at = items.indexOf(up);
      refresh();
      move(state.at);
    }
    else if (key === "/") { search.focus(); search.select(); }
    else if (key === "F") { state.at = 0; next(shown, SHOWN, event.shiftKey, () => refresh(false)); }
    else if (key === "S") next(order, ORDERS, event.shiftKey);
    else if (key === "V") next(ways, WAYS, event.shiftKey, regroup);
    else if (key === "E") send("refresh", { asked: true });
    else if (["1", "2", "3"].includes(key)) chosen.size || !item?.row ? seconds() : decide("take", { ids: [item.row.id], place: Number(key) - 1 });
    else if (key === "?") keys.open = !keys.open;
    else if (key in ACTS || key in SENT) items.length ? act(key) : say("Nothing is shown here: F shows other lines, / filters.");
    else if (key === "Tab") taken = false;
    if (taken) event.preventDefault();
  });
  search.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === "ArrowDown" || event.key === "Escape") { if (event.key === "Escape") { search.value = ""; say(""); refresh(); } event.preventDefault(); view.focus(); move(0); } });
  root.addEventListener("keydown", (event) => event.stopPropagation());
  view.addEventListener("scroll", draw);

  function heard(message, isMine) {
    const path = trails.get(message.number), isChanged = message.lines?.length > 0;
    trails.delete(message.number);
    if (message.act === "would_accept") { if (isMine) form.tell(message.told); return; }
    if (message.act === "refresh" && !isChanged && !message.told) return;
    for (const row of message.lines ?? []) rows[row.id] = row;
    model.set("rows", rows, { silent: true });  // another view of this page starts from here
    if (message.progress) progress = message.progress;
    if (message.groups) numbers[message.by] = message.groups;
    signer.heard(message.signed);
    if (isMine && isChanged && !LEAVES.includes(message.act)) { chosen.clear(); state.anchor = null; }
    if (isMine && isChanged && message.act === "accept_above") state.at = 0;
    refresh(message.act !== "accept_above", () => move(path && isChanged ? whereNext(path) : state.at));
    if (message.told) say(message.told);
    if (message.groups && isMine) announce(ways, WAYS);
    if (isMine && message.refused) form.again();
  }

  el.append(root);
  refresh();
  new ResizeObserver(draw).observe(view);
  return () => { hangUp(); signer.close(); };
}

export default { render };
