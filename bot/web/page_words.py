"""The words of the console's page by their full names, so that a search for a key finds its use."""

TEMPLATE_WORDS = (
    "console.title", "console.bot", "console.tagline", "console.choose", "console.choose_why", "console.noscript", "console.acting",
    "console.chats", "console.offline", "console.back", "console.placeholder", "console.send", "console.cancel", "console.choose_chat",
    "console.enter_hint", "console.close", "console.only_you", "console.attach", "console.drop",
    "console.report",
)  # fmt: skip
SCRIPT_WORDS = (
    "console.bot", "console.direct", "console.members", "console.no_chats", "console.no_messages", "console.edited", "console.superseded",
    "console.recalled", "console.drill", "console.reply", "console.replying", "console.answer_to", "console.gone", "console.yes",
    "console.no", "console.sure", "console.submit", "console.in_hand", "console.done", "console.failed", "console.earlier", "console.newer",
    "console.today", "console.yesterday", "console.mentions_you", "console.chips", "console.chips_incident",
    "console.remove", "console.sending", "console.more", "console.choose_one", "console.not_given", "console.report_line",
)  # fmt: skip
PLACEHOLDERS = {
    "console.members": ("count",),
    "console.answer_to": ("name",),
    "console.replying": ("name",),
    "console.remove": ("name",),
    "console.sending": ("name",),
}
"""Filled in by the page, so they are handed to it as they stand."""
