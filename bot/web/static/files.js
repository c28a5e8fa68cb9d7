// Files chosen for the next message: picked, dropped or pasted, sent at once, named by the message that follows.

import { el, find, icon, toast } from "./dom.js";
import { Refused, fileLink, postFile } from "./api.js";
import { word } from "./setup.js";

let chosen = [];
let landing = Promise.resolve();

export const chosenFiles = () => chosen.map((file) => file.id);
export const filesAreUp = () => landing;

export function forgetFiles() {
  chosen = [];
  draw();
}

function take(files) {
  landing = landing.then(() => upload([...files])).catch((error) => console.error(error));
  return landing;
}

async function upload(files) {
  for (const file of files) {
    draw(file.name);
    try {
      chosen.push(await postFile(file));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      toast(error.message, "bad");
    } finally {
      draw();
    }
  }
}

function draw(sending) {
  const shown = chosen.map((file) => {
    const drop = () => {
      chosen = chosen.filter((other) => other !== file);
      draw();
      find("attach").focus();
    };
    const label = word("remove", { name: file.name });
    return el("li", {}, `${file.name} · ${sizeOf(file.size)}`, el("button", { type: "button", class: "icon-button", "aria-label": label, onclick: drop }, icon("close")));
  });
  if (sending) shown.push(el("li", { role: "status" }, word("sending", { name: sending })));
  find("files").replaceChildren(...shown);
  find("files").hidden = !shown.length;
}

export function fileList(files) {
  if (!files?.length) return "";
  const links = files.map((file) => el("li", {}, el("a", { href: fileLink(file.id), download: file.name }, `${file.name} · ${sizeOf(file.size)}`)));
  return el("ul", { class: "sent-files" }, ...links);
}

function sizeOf(size) {
  if (size < 1024) return `${size} B`;
  return size < 1048576 ? `${Math.round(size / 1024)} KB` : `${(size / 1048576).toFixed(1)} MB`;
}

// A button that wants files: the command stands ready in the composer, its files are chosen first.
export function pickFor(command) {
  const chinese = document.documentElement.lang.startsWith("zh");
  find("text").value = `${chinese ? command.replace("/task attach", "/附件") : command} `;
  picker.click();
  find("text").focus();
}

const picker = find("file");
find("attach").addEventListener("click", () => picker.click());
picker.addEventListener("change", () => {
  void take([...picker.files]);
  picker.value = "";
});
const place = find("open");
const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
place.addEventListener("dragover", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  find("composer").classList.add("dropping");
});
place.addEventListener("dragleave", (event) => place.contains(event.relatedTarget) || find("composer").classList.remove("dropping"));
place.addEventListener("drop", (event) => {
  if (!carries(event)) return;
  event.preventDefault();
  find("composer").classList.remove("dropping");
  void take([...event.dataTransfer.files]);
});
find("text").addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  void take(files);
});
