// What the grid of a value map can show, in which order, grouped by what, and which keys there are.
const SHOWN = {
  open: ["open", (row) => isOpen(row)],
  sure: ["open, proposal sure", (row) => isOpen(row) && row.sure],
  doubtful: ["open, proposal in doubt", (row) => isOpen(row) && row.proposal !== null && !row.sure],
  none: ["open, no proposal", (row) => isOpen(row) && row.proposal === null],
  decided: ["decided", (row) => !isOpen(row)],
  new: ["new since the approval", (row) => row.new],
  changed: ["changed since the approval", (row) => row.was !== ""],
  differs: ["decided unlike the proposal", (row) => row.differs],
  noted: ["with a note or a pin", (row) => row.pinned || (row.note && row.note === row.why && !/^(suggested|no proposal)/.test(row.note))],
  all: ["all", () => true],
};
const ORDERS = {
  records: ["most records", (a, b) => b.records - a.records || a.at - b.at],
  name: ["name", (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.at - b.at)],
  doubt: ["least sure", (a, b) => a.confidence - b.confidence || a.at - b.at],
};
const WAYS = {  // the keys of the first and the last are here; the others' numbers are asked of Python
  becomes: ["what they become", (row) => row.group && `g:${row.group}`],
  fingerprint: ["OpenRefine's fingerprint"],
  ngram: ["OpenRefine's 2-gram fingerprint"],
  near: ["near spellings"],
  none: ["nothing", () => ""],
};
const HEADS = ["✓", "Spelling", "Records", "Becomes", "Sure", "Decision", "Marks", "By", "Why, or note"];
const KEYS = [
  ["↑ ↓ Home End", "move"], ["→ ←", "open or close a group"],
  ["Space, Shift+↑↓", "select"], ["Ctrl+A, Esc", "select all shown, or none"],
  ["Enter", "accept the proposal; on a group, for all of it"], ["A", "accept all at or above a confidence: of the selection, of what the filter shows, or all"],
  ["1 2 3", "take the first, second, third proposal of one line"], ["M", "map by hand"],
  ["R", "rename a group: another answer for all of it"], ["G", "merge what is selected into one answer"],
  ["X", "split off: not what is proposed or decided"], ["B", "leave blank: no carrier"],
  ["K", "keep as it is"], ["Q", "ask: leave it open"],
  ["N", "note"], ["P", "pin or unpin"],
  ["U, Ctrl+Z", "undo"], ["Shift+U, Ctrl+Y", "redo"],
  ["/", "filter by text, or by /pattern/"], ["F, Shift+F", "what is shown: next, or before"],
  ["S, Shift+S", "order: next, or before"], ["V, Shift+V", "grouped by: next, or before"],
  ["E", "read the file again"], ["Shift+← →", "scroll sideways"],
  ["?", "these keys"],
];
const DECIDES = ["accept", "take", "map", "blank", "keep", "ask", "apart"];
const LEAVES = ["note", "refresh", "sign", "group"];  // acts that leave the selection
const SENT = { X: "apart", B: "blank", K: "keep", Q: "ask", P: "pin", undo: "undo", redo: "redo" };  // acts that need no words
const isOpen = (row) => row.decision === "" || row.decision === "ask";
