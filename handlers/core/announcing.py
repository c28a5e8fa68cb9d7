"""What the house says of itself: to administrators, to who asked for what cannot come, to a commander without a room."""

from datetime import datetime

from handlers.core.house import Own
from handlers.core.message import Outgoing, plain
from storage import outbox
from storage.database import Transaction
from storage.tables.queues import OutboxRow, QueueRow
from workflows.core.facts import Value
from workflows.core.outcome import Notice


class Announcing(Own):
    """Each trouble is said once, however many messages it concerns."""

    def platform_down(self, tx: Transaction, platform: str, reason: str) -> None:
        """A whole platform is away: every administrator hears of it, by a way around it."""
        organization, now = self.house.plans.organization, self.house.now()
        notice = Notice(
            "house.platform_down", organization.with_role("administrator"), {"platform": platform, "reason": reason}, "escalation"
        )
        # Once in ten minutes at most: a platform that comes and goes is one trouble, not many.
        ref, version = f"platform:{platform}", int(now.timestamp()) // 600
        outbox.enqueue_notice(tx, notice, ref=ref, version=version, incident="", organization=organization, now=now, watch="")

    def switched_off(self, tx: Transaction, platform: str) -> None:
        """Something was buried because its platform is off: one trouble, told once a day, however many messages it concerns."""
        organization, now = self.house.plans.organization, self.house.now()
        notice = Notice("house.switched_off", organization.with_role("administrator"), {"platform": platform}, "escalation")
        ref, version = f"off:{platform}", now.toordinal()
        outbox.enqueue_notice(tx, notice, ref=ref, version=version, incident="", organization=organization, now=now, watch="")

    def month_low(
        self, tx: Transaction, platform: str, what: str, used: int, most: int, out: datetime | None, stage: int, ends: datetime
    ) -> None:
        """A month's quota is nearly used: told to administrators once at each stage."""
        organization, now = self.house.plans.organization, self.house.now()
        until = out.isoformat() if out else ""
        values: dict[str, Value] = {"platform": platform, "what": what, "used": used, "most": most, "out": until}
        notice = Notice("house.month_low", organization.with_role("administrator"), values, "escalation")
        ref, version = f"quota:{platform}:{what}", ends.toordinal() * 10 + stage
        outbox.enqueue_notice(tx, notice, ref=ref, version=version, incident="", organization=organization, now=now, watch="")

    def alarm(self, tx: Transaction, queue: str, row: QueueRow, error: str) -> None:
        """Something was buried: every administrator hears of it, and again when it was revived and buried again."""
        organization = self.house.plans.organization
        notice = Notice(
            "house.buried", organization.with_role("administrator"), {"queue": queue, "id": row.id, "error": error}, "escalation"
        )
        outbox.enqueue_notice(
            tx, notice, ref=f"{queue}:{row.id}", version=row.fence, incident="", organization=organization, now=self.house.now(), watch=""
        )

    def undelivered(self, tx: Transaction, row: OutboxRow) -> bool:
        """A secret found no direct chat: who asked is told where they asked. False for all other rows."""
        if row.kind != "secret" or not row.about["back"]:
            return False
        said = plain(Outgoing(self.house.words.say("login.no_direct")))
        key = f"back:{row.key}"
        outbox.enqueue_reply(
            tx, key=key, platform=row.platform or "", chat=row.about["back"], said=said, incident=None, now=self.house.now()
        )
        return True

    def roomless(self, tx: Transaction, row: OutboxRow) -> None:
        """No messenger that is on makes group chats: the commander is told how to have one."""
        incident, now = self.reader(tx).incident(row.incident or ""), self.house.now()
        said = plain(Outgoing(self.house.words.say("house.no_room", number=incident.number, ref=incident.ref)))
        ways = self.house.links.ways(incident.commander)
        platform = row.platform or next((name for name, _ in ways), "")
        if platform:
            outbox.enqueue_to_person(
                tx, key=f"roomless:{incident.ref}", platform=platform, person=incident.commander, said=said, incident=incident.ref,
                priority=outbox.PRIORITY["assignment"], now=now,
            )  # fmt: skip
