"""What administrators hear about the house itself, once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.core.look import Look
from handlers.core.message import Outgoing
from handlers.core.reasons import reason
from handlers.core.registry import screen


@screen("house.buried")
def buried(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: something could not be handled or sent."""
    values = about["values"]
    return Outgoing(look.say("notice.buried", queue=values["queue"], id=values["id"], error=reason(look.words, str(values["error"]))))


@screen("house.platform_down")
def platform_down(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: a messenger does not answer."""
    values = about["values"]
    name = look.say(f"platform.{values['platform']}")
    return Outgoing(look.say("notice.platform_down", platform=name, reason=reason(look.words, str(values["reason"]))))


@screen("house.quota_out")
@screen("house.not_heard")
def withheld(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """A messenger keeps back what people say there: to who said it, and to administrators."""
    platform = look.say(f"platform.{about['values']['platform']}")
    return Outgoing(look.say(f"notice.{about['notice'].removeprefix('house.')}", platform=platform))


@screen("house.month_low")
def month_low(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: a messenger's month is nearly used."""
    values = about["values"]
    shown = {"platform": look.say(f"platform.{values['platform']}"), "used": values["used"], "most": values["most"]}
    shown["percent"] = values["used"] * 100 // values["most"]
    text = look.say(f"notice.month_low_{values['what']}", **shown)
    if values["out"]:
        text += look.say("notice.month_out", out=datetime.fromisoformat(values["out"]))
    return Outgoing(text)


@screen("house.switched_off")
def switched_off(look: Look, about: Mapping[str, Any]) -> Outgoing:
    """To administrators: messages for chats of a messenger that is not on any more."""
    return Outgoing(look.say("notice.switched_off", platform=look.say(f"platform.{about['values']['platform']}")))
