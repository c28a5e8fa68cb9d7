// The page put together: which chat is open stands in the address, changes arrive by events.

import { find, toast } from "./dom.js";
import { getRooms, listen } from "./api.js";
import { people, word } from "./setup.js";
import { drawRooms, titleOf } from "./rooms.js";
import { Chat } from "./chat.js";
import { answer, openComposer } from "./composer.js";
import { offerReport } from "./report.js";

const rooms = new Map();
let chat = null;

const chosen = () => decodeURIComponent(location.hash.slice(1));

function open() {
  const id = chosen();
  const room = rooms.get(id);
  if (chat && chat.room !== id) {
    chat.closed = true;
    chat = null;
    find("log").replaceChildren();
  }
  document.body.classList.toggle("in-chat", Boolean(room));
  find("open").hidden = !room;
  find("nothing").hidden = Boolean(room);
  drawRooms(rooms, id);
  if (!room) return;
  header(room);
  if (chat) return;
  chat = new Chat(id, answer);
  openComposer(room, () => {
    chat?.toBottom();
    void chat?.refresh();
  });
  void chat.refresh();
}

function header(room) {
  find("room-name").textContent = titleOf(room);
  const names = room.members.map((person) => people[person]?.name ?? person);
  const shown = names.slice(0, 8).join(" ") + (names.length > 8 ? " …" : "");
  const about = room.kind === "direct" ? [word("direct")] : [room.number, word("members", { count: names.length }), shown];
  find("room-about").textContent = about.filter(Boolean).join(" · ");
}

function changed(list) {
  list.forEach((room) => rooms.set(room.id, room));
  drawRooms(rooms, chosen());
  const room = rooms.get(chosen());
  if (!room) return;
  if (!chat) return open();
  header(room);
  if (room.change !== chat.change) void chat.refresh();
}

let alarm = 0;
function online(yes) {
  clearTimeout(alarm);
  if (yes) find("offline").hidden = true;
  else alarm = setTimeout(() => (find("offline").hidden = false), 1500);
}

find("person")?.addEventListener("change", (event) => location.assign(`/console?as=${encodeURIComponent(event.target.value)}${location.hash}`));
find("back").addEventListener("click", (event) => {
  event.preventDefault();
  location.hash = "";
});
find("down").addEventListener("click", () => chat?.toBottom());
find("scroll").addEventListener("scroll", () => chat?.scrolled(), { passive: true });
window.addEventListener("hashchange", open);
new ResizeObserver(() => chat?.resized()).observe(find("scroll"));
document.addEventListener("visibilitychange", () => chat?.markRead());

try {
  (await getRooms()).rooms.forEach((room) => rooms.set(room.id, room));
} catch (error) {
  toast(error.message, "bad");
}
if (!chosen() && matchMedia("(min-width: 800px)").matches) {
  const direct = [...rooms.values()].find((room) => room.kind === "direct");
  if (direct) history.replaceState(null, "", `#${encodeURIComponent(direct.id)}`);
}
offerReport(
  () => [...rooms.values()].find((room) => room.kind === "direct").id,
  (room) => (chosen() === room ? void chat?.refresh().then(() => chat?.toBottom()) : (location.hash = encodeURIComponent(room))),
);
open();
listen(changed, online);
