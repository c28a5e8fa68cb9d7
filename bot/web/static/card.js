// A card of the bot: title by tone, names and values, a note, buttons that ask or confirm first, the rarer ones behind 「更多」.

import { el, sheet, toast } from "./dom.js";
import { Refused, newClick, postClick } from "./api.js";
import { focusFirst, panel } from "./form.js";
import { pickFor } from "./files.js";
import { word } from "./setup.js";

export function card(shown, message, chat, onReply) {
  const node = el("article", { class: `card tone-${shown.tone}${shown.drill ? " is-drill" : ""}` });
  const title = el("header", { class: "card-title" }, el("h3", {}, shown.title));
  if (shown.drill) title.append(el("span", { class: "drill" }, word("drill")));
  node.append(title);
  if (shown.lines.length) node.append(el("dl", {}, ...shown.lines.flatMap(line)));
  if (shown.note) node.append(el("p", { class: "note" }, shown.note));
  const acts = shown.buttons.length + shown.menu.length;
  if (acts && message.state === "live") node.append(actions(shown, message, chat, onReply));
  return node;
}

function line([name, value]) {
  const [first, ...more] = value.split("\n");
  const shown = more.length ? [first, el("small", {}, more.join("\n"))] : [value];
  if (!name) return [el("dd", { class: "wide" }, ...shown)];
  return [el("dt", {}, name), el("dd", {}, ...shown)];
}

function actions(shown, message, chat, onReply) {
  const row = (list) => el("div", { class: "buttons" }, ...list.map((button) => drawn(button, message, chat, onReply)));
  const menu = shown.menu.length ? el("details", { class: "menu" }, el("summary", {}, word("more")), row(shown.menu)) : null;
  return el("div", { class: "actions" }, shown.buttons.length ? row(shown.buttons) : null, menu);
}

// Two buttons may share a command and ask for different things.
const keyOf = (button) => [button.command, ...button.form.map((field) => field.name)].join(" ");

function drawn(button, message, chat, onReply) {
  const asks = Boolean(button.form.length || button.confirm);
  const props = { type: "button", class: `button ${button.style}`, "data-command": button.command, "data-key": keyOf(button), "aria-expanded": asks ? "false" : null };
  const node = el("button", { ...props, onclick: begin }, button.label);
  node.button = button;

  function begin() {
    const area = node.closest(".actions");
    const again = area.querySelector(".more")?.dataset.key === keyOf(button);
    close(area);
    if (button.files) return pickFor(button.command);
    if (again) return;
    if (button.form.length) open(area, ask());
    else if (button.confirm) open(area, sure(button, area, () => void act(area)));
    else void act(area);
  }

  function open(area, asked) {
    asked.dataset.key = keyOf(button);
    asked.button = button;
    node.setAttribute("aria-expanded", "true");
    area.append(asked);
    focusFirst(asked);
    asked.scrollIntoView({ block: "nearest" });
  }

  function ask() {
    let last = null;
    const form = panel(button.label, button.form, button.style, send, () => close(form.closest(".actions"), true));

    async function send(fields) {
      // The same words again after a failure keep their id, so that they count once.
      const click = newClick(chat, message.id, form.button, fields);
      if (last && JSON.stringify([last.fields, last.version]) === JSON.stringify([click.fields, click.version])) click.id = last.id;
      last = click;
      const reply = await postClick(click);
      last = null;
      if (!reply.error) close(form.closest(".actions"), true);
      if (!reply.error) answered(button, reply);
      onReply(reply);
      return reply.error ? said(reply) : "";
    }
    return form;
  }

  async function act(area) {
    close(area, true);
    const all = [...area.querySelectorAll("button")];
    all.forEach((each) => (each.disabled = true));
    area.classList.add("busy");
    try {
      const reply = await postClick(newClick(chat, message.id, button, {}));
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
  return node;
}

// Whoever closes what they opened stands again on the button that opened it.
function close(area, back = false) {
  const asked = area?.querySelector(".more");
  if (!asked) return;
  const opener = openerIn(area, asked.dataset.key);
  asked.remove();
  opener?.setAttribute("aria-expanded", "false");
  if (back) opener?.focus({ preventScroll: true });
}

const openerIn = (area, key) => [...area.querySelectorAll("button[data-key]")].find((each) => each.dataset.key === key);

const said = (reply) => [reply.text, reply.usage].filter(Boolean).join("\n");

// A click is answered to the clicker alone: briefly, or, when it is much (a list, the timeline), on a sheet.
function answered(button, reply) {
  if (reply.wait) return toast(word("in_hand"));
  const text = said(reply) || word("done");
  if (text.split("\n").length > 4 || text.length > 240) return sheet(button.label, text);
  return toast(text, reply.error ? "bad" : "good");
}

function sure(button, area, then) {
  const yes = el("button", { type: "button", class: `button ${button.style === "danger" ? "danger" : "primary"}`, onclick: then }, word("yes"));
  const no = el("button", { type: "button", class: "button plain", onclick: () => close(area, true) }, word("no"));
  const asked = el("div", { class: "more", role: "group" }, el("p", {}, `${word("sure")} ${button.label}`), el("div", { class: "buttons" }, yes, no));
  setTimeout(() => yes.focus());
  return asked;
}

// A card that changed while somebody was filling in its form: the message that stands on the page takes over what is new around the form,
// which is not touched (nor its focus, nor what an input method composes). Answers the node to show.
export function keepOpen(before, after) {
  const menu = after.querySelector(".menu");
  if (menu && before.querySelector(".menu")?.open) menu.open = true;
  const asked = before.querySelector(".more");
  const area = after.querySelector(".actions");
  const opener = asked && area && openerIn(area, asked.dataset.key);
  if (!opener) return after;
  asked.button = opener.button;
  opener.setAttribute("aria-expanded", "true");
  const old = asked.closest(".card");
  const fresh = area.closest(".card");
  old.className = fresh.className;
  around(old, asked.parentElement, [...fresh.children].filter((child) => child !== area));
  around(asked.parentElement, asked, [...area.children]);
  before.className = after.className;
  before.querySelector(".meta").replaceWith(after.querySelector(".meta"));
  return before;
}

// Whoever stands on a button of a card (or on its menu) stands there again when the card was drawn anew: call the answer then.
export function standing(log) {
  const at = document.activeElement;
  const id = log.contains(at) && at.closest("[data-id]")?.dataset.id;
  return () => {
    if (!id || at.isConnected) return;
    const node = log.querySelector(`[data-id="${CSS.escape(id)}"]`);
    const again = at.dataset.key ? node && openerIn(node, at.dataset.key) : at.matches(".menu summary") && node?.querySelector(".menu summary");
    if (again) again.focus({ preventScroll: true });
  };
}

// Everything in `parent` but `kept` is replaced by `fresh`, which stands before it.
function around(parent, kept, fresh) {
  [...parent.children].forEach((child) => child === kept || child.remove());
  kept.before(...fresh);
}
