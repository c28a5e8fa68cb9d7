// A card of the bot: title by tone, names and values, a note, buttons that ask or confirm first.

import { el, sheet, toast } from "./dom.js";
import { Refused, postClick } from "./api.js";
import { pickFor } from "./files.js";
import { word } from "./setup.js";

export function card(shown, message, chat, onReply) {
  const node = el("article", { class: `card tone-${shown.tone}${shown.drill ? " is-drill" : ""}` });
  const title = el("header", { class: "card-title" }, el("h3", {}, shown.title));
  if (shown.drill) title.append(el("span", { class: "drill" }, word("drill")));
  node.append(title);
  if (shown.lines.length) node.append(el("dl", {}, ...shown.lines.flatMap(line)));
  if (shown.note) node.append(el("p", { class: "note" }, shown.note));
  if (shown.buttons.length && message.state === "live") node.append(buttons(shown.buttons, message, chat, onReply));
  return node;
}

function line([name, value]) {
  const [first, ...more] = value.split("\n");
  const shown = more.length ? [first, el("small", {}, more.join("\n"))] : [value];
  if (!name) return [el("dd", { class: "wide" }, ...shown)];
  return [el("dt", {}, name), el("dd", {}, ...shown)];
}

function buttons(list, message, chat, onReply) {
  const area = el("div", { class: "actions" });
  const row = el("div", { class: "buttons" });
  area.append(row);
  for (const button of list) {
    const props = { type: "button", class: `button ${button.style}`, "data-command": button.command, "data-asks": Boolean(button.ask || button.confirm) };
    row.append(el("button", { ...props, onclick: () => begin(button) }, button.label));
  }

  function begin(button) {
    area.querySelector(".more")?.remove();
    if (button.files) return pickFor(button.command);
    if (button.ask) area.append(question(button, (answer) => confirmed(button, answer)));
    else confirmed(button, "");
  }

  function confirmed(button, answer) {
    area.querySelector(".more")?.remove();
    if (button.confirm) area.append(sure(button, () => click(button, answer)));
    else void click(button, answer);
  }

  async function click(button, answer) {
    area.querySelector(".more")?.remove();
    const all = [...row.children];
    all.forEach((each) => (each.disabled = true));
    area.classList.add("busy");
    try {
      const reply = await postClick(chat, message.id, button, answer);
      answered(button, reply);
      onReply(reply);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      toast(error.message, "bad");
    } finally {
      area.classList.remove("busy");
      all.forEach((each) => (each.disabled = false));
    }
  }
  return area;
}

// A click is answered to the clicker alone: briefly, or, when it is much (a list, the timeline), on a sheet.
function answered(button, reply) {
  if (reply.wait) return toast(word("in_hand"));
  const text = [reply.text, reply.usage].filter(Boolean).join("\n") || word("done");
  if (text.split("\n").length > 4 || text.length > 240) return sheet(button.label, text);
  return toast(text, reply.error ? "bad" : "good");
}

function question(button, then) {
  const input = el("textarea", { rows: 2, maxlength: 2000, "aria-label": button.ask });
  const submit = () => (input.value.trim() ? then(input.value.trim()) : input.focus());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") form.remove();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  });
  const form = el("form", { class: "more", "data-command": button.command, onsubmit: (event) => (event.preventDefault(), submit()) },
    el("label", {}, el("span", {}, button.ask), input),
    el("div", { class: "buttons" },
      el("button", { type: "submit", class: `button ${button.style === "plain" ? "primary" : button.style}` }, word("submit")),
      el("button", { type: "button", class: "button plain", onclick: () => form.remove() }, word("no"))));
  setTimeout(() => input.focus());
  return form;
}

function sure(button, then) {
  const yes = el("button", { type: "button", class: `button ${button.style === "danger" ? "danger" : "primary"}`, onclick: then }, word("yes"));
  const area = el("div", { class: "more", role: "group", "data-command": button.command },
    el("p", {}, `${word("sure")} ${button.label}`),
    el("div", { class: "buttons" }, yes, el("button", { type: "button", class: "button plain", onclick: () => area.remove() }, word("no"))));
  setTimeout(() => yes.focus());
  return area;
}

// A card that changed while somebody was answering its question: the question stays open, with what was typed.
export function resume(before, after) {
  const open = before.querySelector(".more");
  const button = open && [...after.querySelectorAll("button[data-asks]")].find((each) => each.dataset.command === open.dataset.command);
  if (!button) return;
  button.click();
  const typed = open.querySelector("textarea");
  const field = after.querySelector(".more textarea");
  if (typed && field) field.value = typed.value;
}
