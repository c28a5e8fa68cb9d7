// 「上报事件」 on the page itself: the form of /incident open, answered in one's own chat with the bot.

import { el, find, toast } from "./dom.js";
import { newText, postText } from "./api.js";
import { focusFirst, panel } from "./form.js";
import { report, word } from "./setup.js";

// `direct()` is the chat with the bot · `go(room)` shows it.
export function offerReport(direct, go) {
  const dialog = find("report");
  const begin = find("begin-report");
  begin.hidden = !report;
  if (!report) return;
  let last = null;
  const shut = () => dialog.close();

  async function send(fields) {
    const room = direct();
    const message = newText(room, word("report_line"), undefined, []);
    message.fields = fields;
    if (last && JSON.stringify(last.fields) === JSON.stringify(fields)) message.id = last.id;
    last = message;
    const reply = await postText(message);
    last = null;
    if (reply.error) return reply.text;
    fresh();
    shut();
    if (reply.wait) toast(word("in_hand"));
    go(room);
    return "";
  }

  // What was typed stays while the dialog is shut, until it was taken.
  function fresh() {
    dialog.replaceChildren(el("div", { class: "sheet-form" }, panel(report.label, report.form, report.style, send, shut)));
  }

  fresh();
  begin.addEventListener("click", () => {
    dialog.showModal();
    focusFirst(dialog);
  });
}
