"""Where what the firm says is published (发布渠道); by which ways a person is reached is another thing, see `channels`."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class OutletKind(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"
    CHAT = "chat"
    MANUAL = "manual"


#: How long somebody has to post by hand and say so, and how long a machine has before people hear that it is not out yet.
BY_HAND, BY_MACHINE = timedelta(minutes=30), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Outlet:
    """`default`: chosen when nobody says which · `within`: after it without a receipt people are reminded.

    mail: `to` · webhook: `url`, and `secret`, the name of the setting that holds its key · chat: `chat` on `platform` · manual: `who`
    posts it.
    """

    name: str
    title: str
    kind: OutletKind
    title_en: str = ""
    default: bool = False
    within: timedelta = BY_MACHINE
    to: tuple[str, ...] = ()
    url: str = ""
    secret: str = ""
    platform: str = ""
    chat: str = ""
    who: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """Where it goes, in one line; what follows a `?` in an address may be a key."""
        match self.kind:
            case OutletKind.MAIL:
                return ", ".join(self.to)
            case OutletKind.WEBHOOK:
                return self.url.partition("?")[0]
            case OutletKind.CHAT:
                return f"{self.platform}:{self.chat}"
            case OutletKind.MANUAL:
                return ", ".join(self.who)
