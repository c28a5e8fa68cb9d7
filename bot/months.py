"""What vendors allow in a calendar month: each platform's quota, the counting of it, and what the doctor says of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.platforms.core.budget import Month, month_of
from bot.platforms.core.checkup import Found
from storage.database import Database
from storage.outbox import held_back
from storage.shelf import DatabaseShelf
from workflows.core.people import Organization

#: Calls a month of all self-built apps together, where the plan (`[monthly_calls]` of organization.toml) names none.
#: Feishu: the free edition's cap of June 2026 (custom-app-api-call-limit); paid editions allow more.
#: DingTalk: the standard edition's since November 2025, of the whole organisation (billing model, 2026-05-09).
QUOTAS: Mapping[str, int] = {"feishu": 1_000_000, "dingtalk": 5_000}
#: Messages that a platform pushes to us or takes from us by webhook, counted by themselves (`[monthly_messages]`).
MESSAGES: Mapping[str, int] = {"dingtalk": 3_000}
#: From here on the doctor warns, in percent.
WARN = 70


def quota(platform: str, organization: Organization) -> int | None:
    return organization.quotas.get(platform, QUOTAS.get(platform))


def messages(platform: str, organization: Organization) -> int | None:
    return organization.message_quotas.get(platform, MESSAGES.get(platform))


def months(
    on: Iterable[str], database: Database, organization: Organization, zone: ZoneInfo, now: Callable[[], datetime]
) -> dict[str, Month]:
    """Of the platforms that are on and limit them: the calls by the platform's name, the messages by `name.messages`."""
    found: dict[str, Month] = {}
    for name in on:
        shelf = DatabaseShelf(database, name, now)
        if most := quota(name, organization):
            found[name] = Month(shelf, most, zone, now)
        if most := messages(name, organization):
            found[f"{name}.messages"] = Month(shelf, most, zone, now, "messages")
    return found


def of_months(
    on: Iterable[str], database: Database, organization: Organization, zone: ZoneInfo, now: Callable[[], datetime]
) -> Iterator[Found]:
    """For the doctor: what is left of this month, and how many messages wait for the next."""
    waiting = database.read(held_back)
    for name in on:
        most = quota(name, organization)
        if most is None:
            continue
        key, _ = month_of(now(), zone)
        used = DatabaseShelf(database, name, now).spent(key)
        values = {
            "platform": f"doctor.about.{name}",
            "used": used,
            "most": most,
            "percent": used * 100 // most,
            "count": waiting.get(name, 0),
        }
        if values["count"]:
            yield Found("attention", "month", "waiting", values)
        else:
            yield Found("ok", "month", "left", values) if used * 100 < most * WARN else Found("attention", "month", "low", values)
