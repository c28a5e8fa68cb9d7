"""The official client before the stand-in, as a process of its own: it reads DINGTALK_OPENAPI_ENDPOINT when it is imported.

`python -m tests.simulators.dingtalk.official APP_KEY APP_SECRET` prints what it hears, a line of JSON each, and answers it.
"""

import importlib
import json
import logging
import sys
from typing import Any


def main(app_key: str, app_secret: str) -> None:
    sdk: Any = importlib.import_module("dingtalk_stream")

    def heard(what: str, value: object) -> None:
        sys.stdout.write(json.dumps([what, value], ensure_ascii=False) + "\n")
        sys.stdout.flush()

    class Messages(sdk.ChatbotHandler):  # type: ignore[misc]
        async def process(self, callback: Any) -> tuple[int, str]:
            message = sdk.ChatbotMessage.from_dict(callback.data)
            heard("message", [message.sender_staff_id, message.text.content, message.conversation_id])
            self.reply_text("收到", message)
            return sdk.AckMessage.STATUS_OK, "OK"

    class Cards(sdk.CallbackHandler):  # type: ignore[misc]
        async def process(self, callback: Any) -> tuple[int, Any]:
            click = sdk.CardCallbackMessage.from_dict(callback.data)
            heard("click", [click.user_id, click.card_instance_id, click.content])
            return sdk.AckMessage.STATUS_OK, {
                "cardUpdateOptions": {"updateCardDataByKey": True},
                "cardData": {"cardParamMap": {"body1": "已认领"}},
            }

    class Events(sdk.EventHandler):  # type: ignore[misc]
        async def process(self, event: Any) -> tuple[int, str]:
            heard("event", [event.headers.event_type, event.data["OpenConversationId"]])
            return sdk.AckMessage.STATUS_OK, "OK"

    quiet = logging.getLogger("official")
    quiet.addHandler(logging.NullHandler())
    client = sdk.DingTalkStreamClient(sdk.Credential(app_key, app_secret), quiet)
    client.register_all_event_handler(Events())
    client.register_callback_handler(sdk.ChatbotMessage.TOPIC, Messages())
    client.register_callback_handler(sdk.CallbackHandler.TOPIC_CARD_CALLBACK, Cards())
    heard("token", client.get_access_token())
    client.start_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
