// A form of several fields, opened where its button stands. What was typed stays until it was taken, whatever else happens to the page.

import { el } from "./dom.js";
import { Refused } from "./api.js";
import { elsewhere, people, word } from "./setup.js";

let count = 0;

// `send(values)` answers what is wrong, or nothing when it was done; `put` away is `close`.
export function panel(label, fields, style, send, close) {
  const error = el("p", { class: "form-error", role: "alert", hidden: true });
  const submit = el("button", { type: "submit", class: `button ${style === "danger" ? "danger" : "primary"}` }, word("submit"));
  const cancel = el("button", { type: "button", class: "button plain", onclick: close }, word("no"));
  const form = el("form", { class: "more", "aria-label": label, autocomplete: "off" },
    el("p", { class: "form-title" }, label),
    ...fields.map((field) => row(field, fields.length === 1)),
    error,
    el("div", { class: "buttons" }, submit, cancel));

  async function submitted(event) {
    event.preventDefault();
    if (form.classList.contains("busy")) return;
    busy(true);
    say("");
    try {
      say(await send(values(form)));
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      say(problem.message);
    } finally {
      busy(false);
    }
  }

  // Not `disabled`: that would drop the focus, and a screen reader with it.
  function busy(yes) {
    form.classList.toggle("busy", yes);
    submit.setAttribute("aria-disabled", String(yes));
  }

  function say(text) {
    error.hidden = !text;
    error.textContent = text ?? "";
    if (text) error.scrollIntoView({ block: "nearest" });
  }

  form.addEventListener("submit", submitted);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      close();
    }
    const inText = event.target.tagName === "TEXTAREA" && event.key === "Enter" && !event.isComposing && event.keyCode !== 229;
    // One question is answered like a message, with Enter; among several fields Enter begins a new line.
    if (!inText || event.shiftKey || (fields.length > 1 && !event.ctrlKey && !event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit();
  });
  return form;
}

export function focusFirst(form) {
  form.querySelector("input, select, textarea")?.focus();
}

const values = (form) => Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));

function row(field, alone) {
  const hints = [field.hint, field.kind === "time" ? elsewhere : ""].filter(Boolean).join(" · ");
  const hint = hints ? el("small", { id: `hint-${++count}` }, hints) : null;
  const node = control(field, alone);
  if (hint) node.setAttribute("aria-describedby", hint.id);
  // A star for the eye; a screen reader is told by `required`.
  const name = el("span", {}, field.label, field.required && !alone ? el("b", { "aria-hidden": "true" }, " *") : null);
  return el("label", { class: "field" }, name, node, hint);
}

function control(field, alone) {
  const props = { name: field.name, required: field.required };
  if (field.kind === "long") return el("textarea", { ...props, rows: alone ? 2 : 3, maxlength: 4000 }, field.value);
  if (field.kind === "time") return el("input", { ...props, type: "datetime-local", value: field.value });
  if (field.kind === "choice" || field.kind === "person") return chooser(field, props);
  return el("input", { ...props, type: "text", value: field.value, maxlength: 400 });
}

function chooser(field, props) {
  const everybody = () => Object.entries(people).map(([id, person]) => [id, [person.name, person.title].filter(Boolean).join(" · ")]);
  const options = field.kind === "person" && !field.options.length ? everybody() : field.options;
  const empty = el("option", { value: "" }, word(field.required ? "choose_one" : "not_given"));
  return el("select", props, empty, ...options.map(([value, label]) => el("option", { value, selected: value === field.value }, label)));
}
