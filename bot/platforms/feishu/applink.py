"""Addresses that open something in people's Feishu. They need no permission of the app, and open a chat for its members only."""

from urllib.parse import quote


def chat_address(api_host: str, chat: str) -> str:
    """Each cloud has its own pair of hosts (open.feishu.cn, open.larksuite.com); behind another address we take it to be Feishu's."""
    host = f"applink.{api_host.removeprefix('open.')}" if api_host.startswith("open.") else "applink.feishu.cn"
    return f"https://{host}/client/chat/open?openChatId={quote(chat, safe='')}"
