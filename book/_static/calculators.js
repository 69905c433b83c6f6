// <course-calculator>: a form whose numbers are computed by the course's own Python, in the page.
// Closed, it shows the table that was computed at build. Opened, it loads Python in a worker, once for a page.
// Its state can stand in the address: #calculator-network?kind=perceptron&widths=784%2C+10

import { draw } from "./calculators-drawing.js";

const PAUSE = 200; // milliseconds without typing before the numbers are computed anew
const LONGEST = 200; // characters of one value in an address

// --- Python ---------------------------------------------------------------------------------------------------------

class Python {
  constructor(bundle) {
    const address = new URL("calculators-worker.js", import.meta.url);
    address.searchParams.set("bundle", bundle);
    this.waiting = new Map();
    this.worker = new Worker(address, { type: "module" });
    this.worker.onmessage = ({ data }) => {
      const { resolve, reject } = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.failure === undefined) resolve(JSON.parse(data.answer));
      else reject(new Error(data.failure));
    };
    this.worker.onerror = (event) => {
      for (const { reject } of this.waiting.values()) reject(new Error(event.message || "the script did not load"));
      this.waiting.clear();
    };
  }

  ask(name, values) {
    const id = crypto.getRandomValues(new Uint32Array(1))[0];
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, question: JSON.stringify({ name, values }) });
    });
  }
}

let python;

// --- small helpers --------------------------------------------------------------------------------------------------

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function first(input) {
  return input instanceof HTMLSelectElement ? [...input.options].find((o) => o.defaultSelected)?.value : input.defaultValue;
}

function fill(list, answer) {
  list.replaceChildren(
    ...answer.rows.map((row) => {
      const number = element("dd", "", element("span", "calculator-number", row.text));
      if (row.remark) number.append(" ", element("span", "calculator-remark", row.remark));
      return element("div", "calculator-row", element("dt", "", row.label), number);
    })
  );
}

function table([head, ...rows]) {
  const cells = (tag, row) => element("tr", "", ...row.map((text) => element(tag, "", text)));
  const made = element("table", "table", element("thead", "", cells("th", head)), element("tbody", "", ...rows.map((row) => cells("td", row))));
  for (const cell of made.querySelectorAll("th")) cell.scope = "col";
  const box = element("div", "pst-scrollable-table-container", made);
  box.tabIndex = 0;
  return element("details", "calculator-more calculator-chain", element("summary", "", "Where each number comes from"), box);
}

// --- the element ----------------------------------------------------------------------------------------------------

class CourseCalculator extends HTMLElement {
  connectedCallback() {
    if (this.opener) return;
    this.kind = this.dataset.kind;
    this.opener = element("button", "calculator-button", "Open the calculator");
    this.opener.type = "button";
    this.opener.addEventListener("click", () => this.open({ focus: true }));
    this.examples = this.querySelector(".pst-scrollable-table-container") ?? this.querySelector("table");
    const size = element("span", "calculator-remark", this.dataset.size ? `loads Python from this site, ${this.dataset.size}` : "");
    this.examples.before(element("p", "calculator-actions", this.opener, size));
    this.linkExamples();
    window.addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  // --- opening ---

  open({ values = {}, focus = false } = {}) {
    if (!this.form) this.build();
    this.restore(values);
    if (focus) this.inputs()[0].focus();
    this.compute();
  }

  build() {
    const part = this.querySelector("template").content.cloneNode(true);
    this.form = part.querySelector("form");
    this.generalError = part.querySelector(".calculator-general-error");
    this.status = element("p", "calculator-status");
    this.status.setAttribute("role", "status");
    this.rows = element("dl", "calculator-rows simple");
    this.drawing = element("div", "calculator-drawing");
    this.notes = element("div", "calculator-notes");
    this.link = element("a", "calculator-link", "Link to this result");
    this.chain = element("div", "");
    this.results = element("div", "calculator-results");
    this.results.append(this.rows, this.drawing, this.notes, this.chain, element("p", "", this.link));
    this.results.hidden = true;
    this.opener.parentElement.replaceWith(this.form, this.status, this.results);
    const fold = element("details", "calculator-more calculator-fold", element("summary", "", "Examples, computed when the page was built"));
    this.examples.replaceWith(fold);
    fold.append(this.examples);

    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.compute({ typed: true });
    });
    this.form.addEventListener("input", ({ target }) => {
      const preset = JSON.parse(target.dataset.presets ?? "{}")[target.value] ?? {};
      for (const [name, value] of Object.entries(preset)) this.form.elements[name].value = value;
      this.show();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.compute({ typed: true }), PAUSE);
    });
  }

  linkExamples() {
    const states = JSON.parse(this.dataset.examples);
    for (const [index, row] of [...this.examples.querySelectorAll("tbody tr")].entries()) {
      const cell = row.cells[0].querySelector("p") ?? row.cells[0];
      const link = element("a", "calculator-example", ...cell.childNodes);
      link.href = `#${this.id}?${states[index]}`;
      cell.append(link);
    }
  }

  // --- the state and the address ---

  follow() {
    const [, id, query] = /^#([\w-]+)\?(.*)$/s.exec(location.hash) ?? [];
    if (id !== this.id) return;
    this.open({ values: Object.fromEntries(new URLSearchParams(query)) });
    this.scrollIntoView();
  }

  inputs() {
    return [...this.form.querySelectorAll("input, select")];
  }

  restore(values) {
    if (!Object.keys(values).length) return this.show();
    this.form.reset();
    const unknown = [];
    for (const [name, value] of Object.entries(values)) {
      const input = this.inputs().find((candidate) => candidate.name === name);
      const fits = input instanceof HTMLSelectElement ? [...input.options].some((o) => o.value === value) : input;
      if (fits && value.length <= LONGEST) input.value = value;
      else unknown.push(name.slice(0, 40));
    }
    this.ignored = unknown.length ? `The link has what this calculator does not know: ${unknown.join(", ")}. ` : "";
    this.show();
    for (const input of this.inputs()) if (input.value !== first(input)) input.closest("details")?.setAttribute("open", "");
  }

  show() {
    const chosen = this.inputs()[0].value;
    for (const field of this.form.querySelectorAll(".calculator-field")) {
      const only = field.dataset.onlyFor;
      field.hidden = Boolean(only) && !only.split(" ").includes(chosen);
    }
  }

  values() {
    const shown = this.inputs().filter((input) => !input.closest(".calculator-field").hidden);
    return Object.fromEntries(shown.map((input) => [input.name, input.value]));
  }

  // --- the numbers ---

  async compute({ typed = false } = {}) {
    clearTimeout(this.timer);
    const values = this.values();
    const turn = (this.turn = (this.turn ?? 0) + 1);
    if (!python) {
      python = new Python(this.dataset.bundle);
      this.status.textContent = "Loading Python from this site, once …";
    }
    this.setAttribute("aria-busy", "true");
    try {
      const answer = await python.ask(this.kind, values);
      if (turn !== this.turn) return;
      if (answer.error === null) this.succeed(answer, values, typed);
      else this.refuse(answer.field, answer.error);
    } catch (failure) {
      if (turn !== this.turn) return;
      this.refuse("", `Python does not run in this browser (${failure.message}). The examples below hold all the same.`);
      this.querySelector(".calculator-fold").open = true;
    }
    this.removeAttribute("aria-busy");
  }

  succeed(answer, values, typed) {
    this.clearErrors();
    fill(this.rows, answer);
    this.notes.replaceChildren(...answer.notes.map((note) => element("p", "", note)));
    this.drawing.replaceChildren(...(answer.drawing ? [draw(answer.drawing, answer.sentence, this.status.clientWidth)] : []));
    const unfolded = this.chain.querySelector("details")?.open;
    this.chain.replaceChildren(...(answer.chain.length ? [table(answer.chain)] : []));
    if (unfolded && answer.chain.length) this.chain.firstChild.open = true;
    this.results.hidden = false;
    const address = `#${this.id}?${new URLSearchParams(values)}`;
    this.link.href = address;
    if (typed) history.replaceState(history.state, "", address);
    this.say(answer.sentence);
  }

  refuse(field, message) {
    this.clearErrors();
    const input = this.inputs().find((candidate) => candidate.name === field);
    const place = input ? input.closest(".calculator-field").querySelector(".calculator-error") : this.generalError;
    place.textContent = message;
    place.hidden = false;
    input?.setAttribute("aria-invalid", "true");
    input?.closest("details")?.setAttribute("open", "");
    this.results.hidden = true;
    this.say(`No result: ${message}`);
    this.status.classList.add("calculator-said");
  }

  say(sentence) {
    this.status.textContent = (this.ignored ?? "") + sentence;
    this.ignored = "";
  }

  clearErrors() {
    for (const place of this.querySelectorAll(".calculator-error")) place.hidden = true;
    for (const input of this.inputs()) input.removeAttribute("aria-invalid");
    this.status.classList.remove("calculator-said");
  }
}

customElements.define("course-calculator", CourseCalculator);
