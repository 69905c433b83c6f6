// Fact tables: a click on a head sorts, words in the field filter; both are announced. Without scripts: plain tables.
"use strict";

const FIRST = 250; // rows of a long table that are shown until all are asked for
const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Numbers by value, words by the alphabet; what is empty comes last in either direction.
function compare(a, b, sign) {
  if (a.empty || b.empty) {
    return a.empty - b.empty;
  }
  return sign * (Number.isNaN(a.number) || Number.isNaN(b.number) ? order.compare(a.text, b.text) : a.number - b.number);
}

function sortKey(cell) {
  const text = cell.textContent.trim();
  return { text, empty: text === "", number: parseFloat(cell.dataset.value) };
}

function makeLive(box) {
  const body = box.querySelector("tbody");
  const heads = [...box.querySelectorAll("thead th")];
  const texts = new Map([...body.rows].map((row) => [row, row.textContent.toLowerCase()]));
  const field = element("input", { type: "search", autocomplete: "off", spellcheck: false });
  const status = element("p", { className: "fact-table-status" });
  status.setAttribute("role", "status");

  const more = element("button", { type: "button", className: "fact-table-more" });
  let most = FIRST;

  // Shows the rows that hold every word, a long table's first ones only, and says how many there are.
  const show = (said = "") => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const row of body.rows) {
      const matches = words.every((word) => texts.get(row).includes(word));
      row.hidden = !matches || found >= most;
      found += matches;
    }
    const all = texts.size === 1 ? "1 row" : `${texts.size.toLocaleString("en")} rows`;
    const count = found === texts.size ? all : `${found.toLocaleString("en")} of ${all}`;
    const part = found > most ? `, the first ${most} shown` : "";
    status.textContent = [count + part, said].filter(Boolean).join(", ");
    more.hidden = found <= most;
    more.textContent = `Show all ${found.toLocaleString("en")}`;
  };

  const sortBy = (head) => {
    const place = heads.indexOf(head);
    const rising = head.getAttribute("aria-sort") !== "ascending";
    const keyed = [...body.rows].map((row) => ({ row, key: sortKey(row.cells[place]) }));
    keyed.sort((a, b) => compare(a.key, b.key, rising ? 1 : -1));
    body.append(...keyed.map(({ row }) => row));
    for (const other of heads) {
      other.removeAttribute("aria-sort");
    }
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    show(`sorted by ${head.firstChild.dataset.name}, ${rising ? "ascending" : "descending"}`);
  };

  for (const head of heads) {
    const button = element("button", { type: "button" }, ...head.childNodes);
    button.dataset.name = button.firstChild.textContent.trim();
    button.addEventListener("click", () => sortBy(head));
    head.append(button);
  }
  field.addEventListener("input", () => show());
  more.addEventListener("click", () => {
    most = Infinity;
    show();
    box.querySelector(".fact-table-scroll").focus();
  });
  const label = element("label", {}, "Filter the rows ", field);
  box.prepend(element("div", { className: "fact-table-controls" }, label, status));
  box.append(more);
  show();
}

document.querySelectorAll(".fact-table").forEach(makeLive);
