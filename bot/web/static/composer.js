// Typing: Enter sends (never while an input method composes), a failed send keeps its words and its id.

import { el, find, toast } from "./dom.js";
import { Refused, newText, postText } from "./api.js";
import { nameOf, word } from "./setup.js";
import { summary } from "./message.js";
import { chosenFiles, filesAreUp, forgetFiles } from "./files.js";

const input = find("text");
const notice = find("notice");
let room = "";
let answering = null;
let unsent = null;
let onSent = () => {};
const drafts = new Map();
const ATTACH = document.documentElement.lang.startsWith("zh") ? "/附件" : "/task attach";

// What was typed is answered in its chat, a refusal too; only a failure of ours has no message.
const NOT_SAID = "house.internal";

export function openComposer(opened, sent) {
  drafts.set(room, input.value);
  room = opened.id;
  find("chips").replaceChildren(...word(opened.number ? "chips_incident" : "chips").split("|").map((label) => chip(label.trim())));
  onSent = sent;
  input.value = drafts.get(room) ?? "";
  unsent = null;
  forgetFiles();
  answer(null);
  explain("");
  fit();
  if (matchMedia("(min-width: 800px)").matches) input.focus();
}

export function answer(message) {
  answering = message;
  const bar = find("replying");
  bar.hidden = !message;
  if (!message) return;
  bar.firstElementChild.textContent = `${word("replying", { name: nameOf(message.author) })} ${summary(message)}`;
  input.focus();
}

function explain(text) {
  notice.hidden = !text;
  notice.querySelector("p").textContent = text;
}

async function send(text) {
  const form = find("composer");
  const here = room;
  if (form.classList.contains("busy")) return;
  form.classList.add("busy"); // what is still on its way up belongs to the message
  await filesAreUp();
  form.classList.remove("busy");
  if (room !== here) return;
  const files = chosenFiles();
  // A file alone is evidence of what is answered, else of the chat's incident.
  if (files.length && !text.trim()) text = ATTACH;
  if (!text.trim()) return;
  const replyTo = answering?.id;
  const same = unsent && unsent.chat === room && unsent.text === text && unsent.reply_to === replyTo && String(unsent.files ?? []) === String(files);
  const message = same ? unsent : newText(room, text, replyTo, files);
  form.classList.add("busy");
  explain("");
  try {
    const reply = await postText(message);
    unsent = null;
    if (message.chat !== room) return void drafts.delete(message.chat);
    if (input.value === text) input.value = "";
    forgetFiles();
    answer(null);
    if (reply.error === NOT_SAID) explain(reply.text);
    if (reply.wait) toast(word("in_hand"));
    onSent();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    unsent = message;
    explain(error.message);
  } finally {
    form.classList.remove("busy");
    fit();
  }
}

function fit() {
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight, 160)}px`;
}

function chip(label) {
  const begins = label.endsWith("…");
  const use = () => {
    if (!begins) return void send(label);
    input.value = label.slice(0, -1);
    input.focus();
    fit();
  };
  return el("button", { type: "button", class: "chip", onclick: use }, label);
}

find("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  void send(input.value);
});
input.addEventListener("input", fit);
input.addEventListener("keydown", (event) => {
  if (event.key === "Escape") answer(null);
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  void send(input.value);
});
find("replying").querySelector("button").addEventListener("click", () => answer(null));
notice.querySelector("button").addEventListener("click", () => explain(""));
