"""What vendors allow in a calendar month: each platform's quota, the counting of it, and what the doctor says of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.platforms.core.budget import Month, month_of
from bot.platforms.core.checkup import Found
from handlers.core.road import Road
from storage.database import Database, Transaction
from storage.outbox import held_back
from storage.shelf import DatabaseShelf, spent_in
from workflows.core.people import Organization

#: Calls a month of all self-built apps together, where the plan (`[monthly_calls]` of organization.toml) names none.
#: Feishu: the free edition's cap of June 2026 (custom-app-api-call-limit); paid editions allow more.
#: DingTalk: the standard edition's since November 2025, of the whole organisation (billing model, 2026-05-09).
QUOTAS: Mapping[str, int] = {"feishu": 1_000_000, "dingtalk": 5_000}
#: Messages that a platform pushes to us or takes from us by webhook, counted by themselves (`[monthly_messages]`).
MESSAGES: Mapping[str, int] = {"dingtalk": 3_000}
#: From here on the doctor warns, in percent.
WARN = 70
#: Where what is not urgent begins to wait.
LAST = 90
#: Platforms whose months are counted.
COUNTED = ("feishu", "dingtalk")


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


@dataclass(frozen=True, slots=True)
class Use:
    """How far a month is used. `what`: calls or messages · `out`: when it is used up if it goes on so; None where it lasts."""

    platform: str
    what: str
    used: int
    most: int
    out: datetime | None

    @property
    def percent(self) -> int:
        return self.used * 100 // self.most

    @property
    def low(self) -> bool:
        return self.percent >= WARN


def uses(on: Iterable[str], spent: Callable[[str, str], int], organization: Organization, zone: ZoneInfo, now: datetime) -> Iterator[Use]:
    """`spent`: platform, the shelf's key -> what was counted."""
    for name in on:
        for what, most in (("month", quota(name, organization)), ("messages", messages(name, organization))):
            if most is not None:
                used = spent(name, month_of(now, zone, what)[0])
                yield Use(name, "calls" if what == "month" else what, used, most, _out(used, most, now, zone))


def _out(used: int, most: int, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The forecast, once there is enough to go by."""
    _, ends = month_of(now, zone)
    begins = (ends - timedelta(days=1)).replace(day=1)
    if used * 10 < most or now - begins < timedelta(hours=12):
        return None
    out = begins + (now - begins) * most / used
    return max(out, now) if out < ends else None


def of_months(
    on: Iterable[str], database: Database, organization: Organization, zone: ZoneInfo, now: Callable[[], datetime]
) -> Iterator[Found]:
    """For the doctor: what is left of this month, and how many messages wait for the next."""
    waiting = database.read(held_back)
    spent = lambda name, key: DatabaseShelf(database, name, now).spent(key)  # noqa: E731
    for use in uses(on, spent, organization, zone, now()):
        count = waiting.get(use.platform, 0) if use.what == "calls" else 0
        values: dict[str, object] = {
            "platform": f"doctor.about.{use.platform}", "used": use.used, "most": use.most, "percent": use.percent, "count": count,
            "out": use.out, "now": now(),
        }  # fmt: skip
        prefix = "" if use.what == "calls" else f"{use.what}_"
        if count:
            yield Found("attention", "month", "waiting", values)
        elif use.low or use.out is not None:
            yield Found("attention", "month", f"{prefix}{'low' if use.low else 'ahead'}", values)
        else:
            yield Found("ok", "month", f"{prefix}left", values)


def warn(tx: Transaction, road: Road, on: Iterable[str], organization: Organization, zone: ZoneInfo, now: datetime) -> None:
    """Administrators hear of a month that is used to seven tenths, and once more at nine: once each."""
    spent = lambda name, key: spent_in(tx, name, key, now)  # noqa: E731
    for use in uses(on, spent, organization, zone, now):
        if use.low:
            stage = 2 if use.percent >= LAST else 1
            road.month_low(tx, use.platform, use.what, use.used, use.most, use.out, stage, month_of(now, zone)[1])
