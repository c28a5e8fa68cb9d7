"""Times and lengths of time as people type them, in both languages."""

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from workflows.core.errors import BadWords

_AHEAD = timedelta(minutes=5)
_LONGEST = timedelta(days=366)
_DAYS = {
    "大前天": -3, "前天": -2, "前日": -2, "昨天": -1, "昨日": -1, "昨": -1, "今天": 0, "今日": 0, "今": 0,
    "明天": 1, "明日": 1, "后天": 2, "yesterday": -1, "today": 0, "tomorrow": 1,
}  # fmt: skip
_NOW = frozenset({"刚才", "刚刚", "现在", "此刻", "now", "just now"})
_CHINESE = {name: count for count, name in enumerate("零一二三四五六七八九")} | {"两": 2}
_UNITS = {
    "秒": 1, "秒钟": 1, "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "分": 60, "分钟": 60, "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "刻钟": 900, "小时": 3600, "钟头": 3600, "h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
    "天": 86400, "日": 86400, "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_COUNT = r"\d{1,6}(?:\.\d{1,3})?|半|[一二三四五六七八九]?十[一二三四五六七八九]?|[一两二三四五六七八九]|half an?|an?"
_PIECE = re.compile(rf"({_COUNT})\s*个?\s*(半?)\s*({_UNIT})(?![a-z])(半?)(?:\s|零|and)*")
_ISO = re.compile(r"p(?:(\d{1,3})d)?(?:t(?:(\d{1,4})h)?(?:(\d{1,6})m)?(?:(\d{1,7})s)?)?")
_CLOCK = re.compile(
    r"(凌晨|早上|早晨|清晨|上午|中午|下午|傍晚|晚上|夜里|早|晚)?\s*([01]?\d|2[0-3])"
    r"(?:\s*:\s*([0-5]\d)(?:\s*:\s*([0-5]\d))?|\s*[点时]\s*(?:(半)|(一刻)|([0-5]?\d)\s*分?)?|(?=\s*[ap]m))\s*([ap]m)?"
)
_DAY = re.compile(
    rf"(?:({'|'.join(_DAYS)})|(?:(\d{{4}})\s*[-/.年]\s*)?(\d{{1,2}})\s*[-/.月]\s*(\d{{1,2}})\s*[日号]?)(?:\s+|t|(?=\D)|(?<=\D))\s*(?:at\s*)?"
)
_UNTIL = re.compile(r"(?:到|至|直到|until|till|til)\s*")
_AFTERNOON = frozenset({"下午", "傍晚", "晚上", "晚", "夜里", "pm"})


def moment(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The instant meant, in UTC. A bare clock time more than five minutes ahead was yesterday's."""
    words = _plain(text)
    try:
        return _moment(words, now, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadWords("error.time", value=text) from None


def duration(text: str, now: datetime, zone: ZoneInfo) -> timedelta:
    """The length of time meant: `1小时30分`, `15m`, `PT15M`, a bare number of minutes, or until a time (`到14:00`, `明天9:00`)."""
    words = _plain(text)
    try:
        length = _length(words) or _until(_UNTIL.sub("", words, count=1), now, zone)
    except (ValueError, OverflowError):
        raise BadWords("error.duration", value=text) from None
    if not timedelta(0) < length <= _LONGEST:
        raise BadWords("error.duration", value=text)
    return length


def day(text: str, now: datetime, zone: ZoneInfo) -> date:
    """The day meant: `2026-12-01`, `12月1日`, 明天; without a year the next such day."""
    words, here = _plain(text), now.astimezone(zone)
    try:
        return _coming_day(words, here.date())
    except (ValueError, OverflowError):
        raise BadWords("error.day", value=text) from None


def coming(text: str, now: datetime, zone: ZoneInfo, *, last: bool) -> datetime:
    """A moment to come, in UTC; of a day alone its first moment, or with `last` its end. A length (`3天`) is counted from now."""
    words, here = _plain(text), now.astimezone(zone)
    try:
        if words in _NOW:
            return now
        if found := _DAY.fullmatch(f"{words} "):
            start = datetime.combine(_named_day(found, here.date()), time(), zone)
            return (start + timedelta(days=1 if last else 0)).astimezone(UTC)
        if not words.isdigit() and (length := _length(words)):
            return now + length
        if clock := _CLOCK.fullmatch(words):
            at = datetime.combine(here.date(), _clock(clock), zone)
            return (at if at >= here - _AHEAD else at + timedelta(days=1)).astimezone(UTC)
        head = _DAY.match(words)
        at_clock = _CLOCK.fullmatch(words, head.end()) if head else None
        if not head or not at_clock:
            raise ValueError(words)
        return datetime.combine(_named_day(head, here.date()), _clock(at_clock), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadWords("error.coming", value=text) from None


def _coming_day(words: str, today: date) -> date:
    found = _DAY.fullmatch(f"{words} ")
    if not found:
        raise ValueError(words)
    return _named_day(found, today)


def _named_day(found: re.Match[str], today: date) -> date:
    """Without a year the next such day is meant, or one of the last month."""
    name, year, month, number = found.groups()
    if name:
        return today + timedelta(days=_DAYS[name])
    if year:
        return date(int(year), int(month), int(number))
    this = date(today.year, int(month), int(number))
    return this if this >= today - timedelta(days=31) else date(today.year + 1, int(month), int(number))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _moment(words: str, now: datetime, zone: ZoneInfo) -> datetime:
    if words in _NOW:
        return now
    for ending, sign in (("之前", -1), ("以前", -1), ("前", -1), (" ago", -1), ("之后", 1), ("以后", 1), ("后", 1), (" later", 1)):
        if words.endswith(ending) and (length := _length(words.removesuffix(ending).strip())):
            return now + sign * length
    if re.match(r"\d{4}-\d\d-\d\dt\d", words) and (exact := datetime.fromisoformat(words.upper())).tzinfo:
        return exact
    here = now.astimezone(zone)
    if found := _CLOCK.fullmatch(words):
        at = datetime.combine(here.date(), _clock(found), zone)
        return at if at <= here + _AHEAD else at - timedelta(days=1)
    return _dated(words, here, zone)


def _dated(words: str, here: datetime, zone: ZoneInfo) -> datetime:
    day = _DAY.match(words)
    clock = _CLOCK.fullmatch(words, day.end()) if day else None
    if not day or not clock:
        raise ValueError(words)
    name, year, month, number = day.groups()
    if name:
        return datetime.combine(here.date() + timedelta(days=_DAYS[name]), _clock(clock), zone)
    if year:
        return datetime.combine(date(int(year), int(month), int(number)), _clock(clock), zone)
    return _nearest_year(int(month), int(number), _clock(clock), here)


def _nearest_year(month: int, day: int, clock: time, here: datetime) -> datetime:
    """Without a year the nearest such day is meant: in January `12月31日` was last year's."""
    nearby = []
    for year in (here.year - 1, here.year, here.year + 1):
        try:
            nearby.append(datetime.combine(date(year, month, day), clock, here.tzinfo))
        except ValueError:
            continue
    return min(nearby, key=lambda at: abs(at - here))


def _clock(found: re.Match[str]) -> time:
    part, hour, minute, second, half, quarter, spoken, english = found.groups()
    hours = int(hour)
    if english == "am" and hours == 12:
        hours = 0
    if ((part or english) in _AFTERNOON or (part == "中午" and hours < 3)) and hours < 12:
        hours += 12
    if part in ("晚", "晚上", "夜里") and int(hour) == 12:
        raise ValueError("midnight belongs to which day?")
    minutes = 30 if half else 15 if quarter else int(minute or spoken or 0)
    return time(hours, minutes, int(second or 0))


def _length(words: str) -> timedelta | None:
    """A plain length of time; None when `words` are none."""
    if words.isascii() and words.isdigit() and len(words) < 7:
        return timedelta(minutes=int(words))
    if (iso := _ISO.fullmatch(words)) and any(iso.groups()):
        days, hours, minutes, seconds = (int(number or 0) for number in iso.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    total, place = 0.0, 0
    while place < len(words):
        piece = _PIECE.match(words, place)
        if not piece:
            return None
        total += _seconds(piece)
        place = piece.end()
    return timedelta(seconds=round(total)) if total else None


def _seconds(piece: re.Match[str]) -> float:
    number, half_before, unit, half_after = piece.groups()
    return (_count(number) + (0.5 if half_before or half_after else 0)) * _UNITS[unit]


def _count(number: str) -> float:
    if number == "半" or number.startswith("half"):
        return 0.5
    if number in ("a", "an"):
        return 1.0
    if "十" in number:
        tens, _, ones = number.partition("十")
        return 10.0 * _CHINESE.get(tens, 1) + _CHINESE.get(ones, 0)
    return float(_CHINESE.get(number) or number)


def _until(words: str, now: datetime, zone: ZoneInfo) -> timedelta:
    """From now to the time named; a bare clock time that has passed is tomorrow's."""
    here = now.astimezone(zone)
    if not (found := _CLOCK.fullmatch(words)):
        return _dated(words, here, zone) - here
    at = datetime.combine(here.date(), _clock(found), zone)
    return (at if at > here else at + timedelta(days=1)).astimezone(UTC) - now
