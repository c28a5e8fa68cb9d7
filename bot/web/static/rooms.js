// The list of chats with what is unread.

import { el, find, icon } from "./dom.js";
import { briefly, hueOf, nameOf, word } from "./setup.js";
import { summary } from "./message.js";

export const titleOf = (room) => (room.kind === "direct" ? word("bot") : room.name || room.id);

export function drawRooms(rooms, open) {
  const sorted = [...rooms.values()].sort((a, b) => (b.kind === "direct") - (a.kind === "direct") || latest(b).localeCompare(latest(a)));
  const nodes = sorted.map((room) => entry(room, room.id === open));
  find("rooms").replaceChildren(...(nodes.length ? nodes : [el("li", { class: "quiet" }, word("no_chats"))]));
  const unread = sorted.reduce((sum, room) => sum + room.unread, 0);
  document.title = unread ? `(${unread}) ${word("bot")}` : word("bot");
}

const latest = (room) => room.last?.at ?? "";

function entry(room, current) {
  const face = room.kind === "direct"
    ? el("span", { class: "avatar of-bot", "aria-hidden": "true" }, icon("lantern"))
    : el("span", { class: `avatar square ${hueOf(room.id)}`, "aria-hidden": "true" }, titleOf(room).slice(0, 1));
  const preview = room.last ? `${room.last.author && room.kind !== "direct" ? `${nameOf(room.last.author)}: ` : ""}${summary(room.last)}` : word("no_messages");
  return el("li", {}, el("a", { href: `#${encodeURIComponent(room.id)}`, class: "room", "aria-current": current ? "true" : null, "data-room": room.id },
    face,
    el("span", { class: "about" },
      el("span", { class: "line" }, el("strong", {}, titleOf(room)), room.last ? el("time", {}, briefly(room.last.at)) : ""),
      el("span", { class: "line" }, el("span", { class: "preview" }, preview), room.unread ? el("b", { class: "badge" }, room.unread > 99 ? "99+" : String(room.unread)) : ""))));
}
