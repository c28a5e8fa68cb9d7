// The open chat: its messages by number, fetched by change, drawn again only where something changed.

import { el, find, toast } from "./dom.js";
import { Refused, getChanges, getEarlier, postRead } from "./api.js";
import { dayKey, dayOf, word } from "./setup.js";
import { messageNode } from "./message.js";
import { keepOpen, standing } from "./card.js";

const NEAR = 80;

export class Chat {
  constructor(room, onReply) {
    this.room = room;
    this.onReply = onReply;
    this.messages = new Map();
    this.nodes = new Map();
    this.change = 0;
    this.more = false;
    this.closed = false;
    this.fetching = null;
    this.read = 0;
    this.pinned = true;
  }

  // Asked again while a fetch is under way, one more follows it.
  refresh() {
    if (this.fetching) {
      this.again = true;
      return this.fetching;
    }
    this.fetching = this.fetchAll().finally(() => (this.fetching = null));
    return this.fetching;
  }

  async fetchAll() {
    do {
      this.again = false;
      try {
        let page;
        do {
          const first = this.change === 0 && this.messages.size === 0;
          page = await getChanges(this.room, this.change);
          if (this.closed) return;
          if (first) this.more = page.more;
          this.change = page.change;
          this.take(page.messages, first);
          if (first) break;
        } while (page.more);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        toast(error.message, "bad");
      }
    } while (this.again && !this.closed);
  }

  take(messages, first = false) {
    const low = Math.min(...[...this.messages.values()].map((message) => message.seq));
    const fresh = messages.filter((message) => first || !this.more || message.seq >= low);
    const news = fresh.filter((message) => !this.messages.has(message.id)).length;
    fresh.forEach((message) => this.messages.set(message.id, this.newest(message)));
    this.draw(fresh.map((message) => message.id));
    if (this.pinned) this.toBottom();
    else if (news) this.offerDown(true);
    this.markRead();
  }

  async earlier() {
    const low = Math.min(...[...this.messages.values()].map((message) => message.seq));
    const scroll = find("scroll");
    const fromEnd = scroll.scrollHeight - scroll.scrollTop;
    const page = await getEarlier(this.room, low);
    if (this.closed) return;
    this.more = page.more;
    page.messages.forEach((message) => this.messages.set(message.id, message));
    this.draw(page.messages.map((message) => message.id));
    scroll.scrollTop = scroll.scrollHeight - fromEnd;
  }

  draw(changed) {
    const before = new Map(changed.map((id) => [id, this.nodes.get(id)]));
    changed.forEach((id) => this.nodes.delete(id));
    const wanted = [];
    if (this.more) wanted.push(this.earlierButton());
    let day = "";
    let previous = null;
    for (const message of [...this.messages.values()].sort((a, b) => a.seq - b.seq)) {
      if (dayKey(message.at) !== day) {
        day = dayKey(message.at);
        wanted.push(el("div", { class: "day" }, dayOf(message.at)));
        previous = null;
      }
      if (!this.nodes.has(message.id)) this.nodes.set(message.id, this.drawn(message, before.get(message.id)));
      const node = this.nodes.get(message.id);
      node.classList.toggle("follows", follows(message, previous));
      previous = message;
      wanted.push(node);
    }
    const stands = standing(find("log"));
    place(find("log"), wanted.length ? wanted : [el("p", { class: "quiet empty" }, word("no_messages"))]);
    stands();
  }

  drawn(message, before) {
    const node = messageNode(message, this);
    return before ? keepOpen(before, node) : node;
  }

  earlierButton() {
    return el("button", { type: "button", class: "earlier", onclick: () => this.earlier().catch((error) => toast(error.message, "bad")) }, word("earlier"));
  }

  known(id) {
    return this.messages.get(id);
  }

  show(id) {
    const node = this.nodes.get(id);
    if (!node) return;
    node.scrollIntoView({ block: "center", behavior: "smooth" });
    node.classList.add("found");
    setTimeout(() => node.classList.remove("found"), 1600);
  }

  reply(message) {
    this.onReply(message);
  }

  // The answer to a click may carry the card as it is now; the stored edit follows and says the same.
  replied(message, reply) {
    if (!reply.card || !message.card || this.closed) return;
    const current = this.messages.get(message.id);
    if (current?.state !== "live" || !current.card || isOlder(reply.card, current.card)) return;
    this.messages.set(message.id, { ...current, card: reply.card, replied: true });
    this.draw([message.id]);
  }

  // An edit drawn before the click was decided may arrive after its answer: the newer card stays until its own edit comes.
  newest(message) {
    const shown = this.messages.get(message.id);
    if (!shown?.replied || !message.card || message.state !== "live") return message;
    return isOlder(message.card, shown.card) ? { ...message, card: shown.card, replied: true } : message;
  }

  markRead() {
    const top = Math.max(0, ...[...this.messages.values()].map((message) => message.seq));
    if (document.visibilityState !== "visible" || top <= this.read || !this.pinned) return;
    this.read = top;
    postRead(this.room, top).catch(() => (this.read = 0));
  }

  scrolled() {
    this.pinned = this.atBottom();
    if (this.pinned) {
      this.offerDown(false);
      this.markRead();
    }
  }

  atBottom() {
    const scroll = find("scroll");
    return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
  }

  toBottom() {
    const scroll = find("scroll");
    this.pinned = true;
    scroll.scrollTop = scroll.scrollHeight;
    this.offerDown(false);
  }

  // The room for messages became smaller or larger (a keyboard, a notice): whoever stood at the end stays there.
  resized() {
    if (this.pinned) this.toBottom();
  }

  offerDown(wanted) {
    const down = find("down");
    down.hidden = !wanted;
    down.textContent = word("newer");
  }
}

// Buttons carry the version of what they were drawn from.
function isOlder(card, shown) {
  const versions = new Map([...shown.buttons, ...shown.menu].map((button) => [button.command, button.version]));
  return [...card.buttons, ...card.menu].some((button) => button.version !== null && versions.get(button.command) > button.version);
}

// Said in one breath: the same author again within five minutes needs no second name and face.
function follows(message, previous) {
  if (!previous || previous.state === "recalled" || previous.author !== message.author) return false;
  return Date.parse(message.at) - Date.parse(previous.at) < 300000;
}

// Puts `wanted` in order, moving as little as possible, so that a text being typed in a card keeps its focus.
function place(parent, wanted) {
  const keep = new Set(wanted);
  [...parent.children].forEach((child) => keep.has(child) || child.remove());
  wanted.forEach((node, index) => {
    if (parent.children[index] !== node) parent.insertBefore(node, parent.children[index] ?? null);
  });
}
