// The list of chats with what is unread.

import { el, find, icon } from "./dom.js";
import { briefly, hueOf, nameOf, word } from "./setup.js";
import { summary } from "./message.js";

export const titleOf = (room) => (room.kind === "direct" ? word("bot") : room.name || room.id);

export function drawRooms(rooms, open) {
  const sorted = [...rooms.values()].sort((a, b) => latest(b) - latest(a) || (b.kind === "direct") - (a.kind === "direct"));
  const nodes = sorted.map((room) => entry(room, room.id === open));
  find("rooms").replaceChildren(...(nodes.length ? nodes : [el("li", { class: "quiet" }, word("no_chats"))]));
  const unread = sorted.reduce((sum, room) => sum + room.unread, 0);
  document.title = unread ? `(${unread}) ${word("bot")}` : word("bot");
}

const latest = (room) => (room.last ? Date.parse(room.last.at) : 0);

function entry(room, current) {
  const preview = room.last ? `${room.last.author && room.kind !== "direct" ? `${nameOf(room.last.author)}: ` : ""}${summary(room.last)}` : word("no_messages");
  return el("li", {}, el("a", { href: `#${encodeURIComponent(room.id)}`, class: "room", "aria-current": current ? "true" : null, "data-room": room.id },
    face(room),
    el("span", { class: "about" },
      el("span", { class: "line" }, el("strong", { title: titleOf(room) }, titleOf(room)), room.last ? el("time", {}, briefly(room.last.at)) : ""),
      room.number ? el("span", { class: "line number" }, room.number, room.drill ? el("span", { class: "drill" }, word("drill")) : "") : "",
      el("span", { class: "line" }, el("span", { class: "preview" }, preview), room.unread ? el("b", { class: "badge" }, room.unread > 99 ? "99+" : String(room.unread)) : ""))));
}

function face(room) {
  if (room.kind === "direct") return el("span", { class: "avatar of-bot", "aria-hidden": "true" }, icon("lantern"));
  if (room.number) return el("span", { class: `avatar square of-incident${room.drill ? " is-drill" : ""}`, "aria-hidden": "true" }, icon("alarm"));
  return el("span", { class: `avatar square ${hueOf(room.id)}`, "aria-hidden": "true" }, titleOf(room).slice(0, 1));
}
