// One message: a bubble for people, a card or a bubble for the bot, and what became of it since.

import { el, icon } from "./dom.js";
import { hueOf, me, nameOf, people, timeOf, word } from "./setup.js";
import { card } from "./card.js";
import { fileList } from "./files.js";

export function messageNode(message, view) {
  if (message.state === "recalled") return el("div", { class: "recalled", "data-id": message.id }, word("recalled"));
  const mine = message.author === me;
  const named = message.mentions.includes(me);
  const kind = message.author === "" ? "bot" : mine ? "mine" : "theirs";
  const node = el("div", { class: `message ${kind} ${message.state}${named ? " names-me" : ""}`, "data-id": message.id, "data-seq": message.seq });
  if (!mine) node.append(avatar(message.author));
  node.append(el("div", { class: "said" }, head(message, mine, named), quoted(message, view), content(message, view), foot(message, view)));
  return node;
}

function avatar(author) {
  if (author === "") return el("span", { class: "avatar of-bot", "aria-hidden": "true" }, icon("lantern"));
  return el("span", { class: `avatar ${hueOf(author)}`, "aria-hidden": "true" }, nameOf(author).slice(-1));
}

function head(message, mine, named) {
  const who = mine ? null : el("strong", { title: people[message.author]?.title }, nameOf(message.author));
  const tag = named ? el("span", { class: "at-me" }, word("mentions_you")) : null;
  return who || tag ? el("div", { class: "head" }, ...[who, tag].filter(Boolean)) : "";
}

function quoted(message, view) {
  if (!message.reply_to) return "";
  const target = view.known(message.reply_to);
  const text = target ? `${word("answer_to", { name: nameOf(target.author) })} ${summary(target)}` : word("gone");
  return el("button", { type: "button", class: "quoted", onclick: () => view.show(message.reply_to) }, text);
}

export function summary(message) {
  if (message.state === "recalled") return word("recalled");
  return (message.card ? message.card.title : message.text).replace(/\s+/g, " ").slice(0, 80);
}

function content(message, view) {
  const shown = message.card
    ? card(message.card, message, view.room, (reply) => view.replied(message, reply))
    : el("div", { class: "bubble" }, ...withMentions(message.text), fileList(message.files));
  if (message.state !== "superseded") return shown;
  return el("details", { class: "old" }, el("summary", {}, `${word("superseded")} · ${summary(message)}`), shown);
}

const names = Object.entries(people).map(([id, person]) => [person.name, id]).filter(([name]) => name).sort((a, b) => b[0].length - a[0].length);

function withMentions(text) {
  const parts = [];
  let plain = "";
  for (let at = 0; at < text.length; ) {
    const hit = "@＠".includes(text[at]) ? names.find(([name]) => text.startsWith(name, at + 1)) : undefined;
    if (!hit) {
      plain += text[at++];
      continue;
    }
    parts.push(plain, el("span", { class: hit[1] === me ? "mention me" : "mention" }, text.slice(at, at + 1 + hit[0].length)));
    plain = "";
    at += 1 + hit[0].length;
  }
  return [...parts, plain];
}

function foot(message, view) {
  const time = el("time", { datetime: message.at }, timeOf(message.at));
  const edited = message.edited_at ? el("span", { class: "edited", title: timeOf(message.edited_at) }, word("edited")) : "";
  const reply = el("button", { type: "button", class: "reply", "aria-label": word("reply"), title: word("reply"), onclick: () => view.reply(message) }, icon("reply"));
  return el("div", { class: "meta" }, time, edited, message.state === "live" ? reply : "");
}
