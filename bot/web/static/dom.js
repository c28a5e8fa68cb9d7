// Elements are built here and nowhere else; what people wrote only ever becomes text.

export const find = (id) => document.getElementById(id);

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

// A long answer that only this person gets: it stays until it is put away.
export function sheet(title, text) {
  const shown = find("sheet");
  find("sheet-title").textContent = title;
  shown.querySelector(".sheet-text").textContent = text;
  shown.onclick = (event) => (event.target === shown || event.target.closest("button")) && shown.close();
  if (!shown.open) shown.showModal();
  shown.querySelector(".sheet-text").scrollTop = 0;
}

export function toast(text, tone = "plain") {
  if (!text) return;
  const shown = el("div", { class: `toast ${tone}` }, text);
  find("toasts").append(shown);
  setTimeout(() => shown.remove(), tone === "bad" ? 8000 : 4000);
}
