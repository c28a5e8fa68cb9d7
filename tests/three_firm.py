"""A firm on three messengers at once: one bot before three strict stand-ins on one clock, and people who are on all of them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.bootstrap import Parts
from tests import dingtalk_firm, feishu_firm, wecom_firm
from tests.firm import listening_to, served
from tests.simulators.core.clock import Clock
from tests.simulators.core.tenant import Names, plan_on
from tests.simulators.dingtalk.sim import Sim as DingTalkSim
from tests.simulators.feishu.sim import Sim as FeishuSim
from tests.simulators.feishu.tenant import open_id
from tests.simulators.wecom.sim import Sim as WecomSim
from tests.simulators.wecom.tenant import userid
from tests.world import SMALL_PLAN

ACCOUNTS = {"wecom": userid, "feishu": open_id, "dingtalk": dingtalk_firm.staff_id}


@dataclass
class Three:
    """The firm as it is on each; what is due on one is done on all."""

    wecom: wecom_firm.Firm
    feishu: feishu_firm.Firm
    dingtalk: dingtalk_firm.Firm

    @property
    def parts(self) -> Parts:
        return self.wecom.parts

    @property
    def clock(self) -> Clock:
        return self.wecom.clock

    def settle(self) -> None:
        self.wecom.settle()

    def on(self, platform: str) -> wecom_firm.Firm | feishu_firm.Firm | dingtalk_firm.Firm:
        firms: dict[str, wecom_firm.Firm | feishu_firm.Firm | dingtalk_firm.Firm]
        firms = {"wecom": self.wecom, "feishu": self.feishu, "dingtalk": self.dingtalk}
        return firms[platform]

    def unhurried(self) -> None:
        for one in (self.wecom, self.feishu, self.dingtalk):
            one.unhurried()

    def at_peace(self) -> None:
        """Nothing came to a stand-in that the real one might let pass and a product should not do; and nothing was lost."""
        assert {name: sim.oddities for name, sim in self.sims.items() if sim.oddities} == {}
        assert self.wecom.sim.dropped == []

    def told(self, person: str) -> dict[str, list[str]]:
        """What the bot said to this person alone, by messenger; cards as they look now."""
        return {"wecom": self.wecom.told(person), "feishu": self.feishu.direct(person), "dingtalk": self.dingtalk.direct(person)}

    @property
    def sims(self) -> dict[str, WecomSim | FeishuSim | DingTalkSim]:
        return {"wecom": self.wecom.sim, "feishu": self.feishu.sim, "dingtalk": self.dingtalk.sim}


@contextmanager
def firm_on_three(folder: Path) -> Iterator[Three]:
    clock = Clock()
    with ExitStack() as open_:
        wecom, lark, ding = WecomSim(clock), FeishuSim(clock), DingTalkSim(clock)
        for sim in (wecom, lark, ding):
            open_.enter_context(sim)
        names = {
            **wecom_firm.settings_on(wecom, folder / "wecom", "both"),
            **feishu_firm.settings_on(lark, folder / "feishu", "http"),
            **dingtalk_firm.settings_on(ding, folder / "dingtalk", "stream"),
            "GENGFU_PLAN_DIR": str(plan_on(folder / "plan", SMALL_PLAN, *(Names(name, account) for name, account in ACCOUNTS.items()))),
            "GENGFU_DATABASE_URL": f"sqlite:///{folder / 'gengfu.db'}",
        }
        parts, loop, url, _ = open_.enter_context(served(clock, names, "wecom"))
        for person in parts.plans.organization.people.values():
            wecom.add_person(userid(person.id), person.name, mobile=person.phone, email=person.email)
            lark.add_person(open_id(person.id), person.name, email=person.email, mobile=person.phone)
            ding.add_person(dingtalk_firm.staff_id(person.id), person.name, mobile=person.phone)
        assert wecom.app_callback(f"{url}/callbacks/wecom", token=wecom_firm.TOKEN, aes_key=wecom_firm.AES_KEY).check_url() == ""
        wecom_firm.until_connected(wecom)
        feishu_firm.calls_back(lark, url)
        open_.enter_context(listening_to(parts, loop, "feishu")).result(20)
        open_.enter_context(listening_to(parts, loop, "dingtalk"))
        dingtalk_firm.until_connected(ding, 1)
        patience = timedelta(seconds=11)
        three = Three(
            wecom_firm.Firm(clock, parts, loop, url, patience, sim=wecom, mode="both"),
            feishu_firm.Firm(lark, parts, loop, url),
            dingtalk_firm.Firm(ding, parts, loop, url),
        )
        three.unhurried()
        yield three
