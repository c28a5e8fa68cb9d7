// Talking with our own server, as the person one acts as.

import { asMe, asMeInAddress, word } from "./setup.js";

const base = "/console";
const path = (room, what) => `${base}/rooms/${encodeURIComponent(room)}/${what}`;

export class Refused extends Error {}

function eventId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function call(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { ...options, cache: "no-store", headers: { ...asMe, ...options.headers } });
  } catch {
    throw new Refused(word("failed"));
  }
  const found = answer.status === 204 ? {} : await answer.json().catch(() => ({}));
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Refused(found.text || word("failed"));
  return found;
}

const post = (url, body) => call(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const getRooms = () => call(`${base}/rooms`);
export const getChanges = (room, after) => call(path(room, `messages?after=${after}`));
export const getEarlier = (room, before) => call(path(room, `messages?before=${before}`));
export const postRead = (room, seq) => post(path(room, "read"), { seq });

// The bytes go first, then the message that names them.
export const postFile = (file) =>
  call(`${base}/files?name=${encodeURIComponent(file.name)}`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });
export const fileLink = (id) => `${base}/files/${encodeURIComponent(id)}${asMeInAddress}`;

// A message keeps its id when it is tried again, so that it is said once.
export function newText(chat, text, replyTo, files) {
  return { id: eventId(), kind: "text", chat, text, ...(replyTo ? { reply_to: replyTo } : {}), ...(files.length ? { files } : {}) };
}
export const postText = (message) => post(path(message.chat, "messages"), message);

export function newClick(chat, messageId, button, fields) {
  return { id: eventId(), kind: "click", chat, message_id: messageId, command: button.command, version: button.version, fields };
}
export const postClick = (click) => post(path(click.chat, "click"), click);

export function listen(onRooms, onState) {
  const source = new EventSource(`${base}/events${asMeInAddress}`);
  source.addEventListener("rooms", (event) => onRooms(JSON.parse(event.data)));
  source.onopen = () => onState(true);
  source.onerror = () => {
    onState(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(onRooms, onState), 3000);
  };
  window.addEventListener("pagehide", () => source.close(), { once: true });
}
