"""A regulator's duties on Feishu as a page to read: from a colleague's words to the reports, with a second person where there must be one.

python -m tests.feishu_duties     writes docs/transcripts/feishu/duties.md anew; tests/platforms/test_feishu_main_job.py holds both
roads to it, word for word
"""

import sys
import tempfile
from pathlib import Path

from bot.bootstrap import SAMPLE_PLAN
from tests.feishu_firm import Firm, Mode, firm_on_feishu
from tests.feishu_page import PAGE as MAIN_JOB
from tests.feishu_page import Scribe
from tests.simulators.feishu.tenant import open_id

PAGE = MAIN_JOB.with_name("duties.md")
#: Whose screens the page shows. The clerk is in no plan.
SHOWN = {"li.na": "李娜", "guo.ping": "郭平", "zhou.heng": "周衡", "clerk": "柜员"}
INTRODUCTION = """\
# 飞书上的监管时钟

同一份记录分别走事件回调与长连接两条路,逐字相同。卡片更新只列变了的部分。李娜管应急办,郭平是合规总监,周衡是总经理;营业部柜员不在预案里,董事会秘书方琪与外传一事无关。\
"""


def play(firm: Firm) -> str:
    firm.sim.add_person(open_id("clerk"), "营业部柜员")
    scribe = Scribe(firm, SHOWN, brief=True)
    scribe.lines = INTRODUCTION.split("\n")
    _reported(scribe)
    _judged(scribe)
    _filed(scribe)
    _waived(scribe)
    _heard(scribe)
    _alike(scribe)
    _hidden(scribe)
    return "\n".join(scribe.lines) + "\n"


def _reported(scribe: Scribe) -> None:
    scribe.heading("预案外的同事用大白话来报,值班员一点就开事件;再来报的,并入")
    scribe.says("clerk", "客户说委托一直报不出去,排了十几个人")
    scribe.taps("li.na", "开事件", "来报 N1")
    scribe.says("clerk", "隔壁营业部也报不出去")
    scribe.taps("li.na", "并入 I1", "来报 N2")


def _judged(scribe: Scribe) -> None:
    scribe.heading("知道多少填多少;每填一项,时钟跟着变")
    scribe.taps("li.na", "补首报", "INC-")
    scribe.submits("li.na", "补首报", "补首报", type="系统故障", system="集中交易")
    scribe.taps("li.na", "是:影响交易", "待判断")
    scribe.taps("li.na", "定级…", "INC-")
    scribe.submits("li.na", "定级", csrc_grade="较大")
    scribe.says("li.na", "/报送 列表")
    scribe.heading("取数平台用不了,四项指标人工打分,须写理由")
    scribe.picks("li.na", "人工打分", "INC-")
    scores = {"incident_level": "2 分", "reach": "3 分", "spread": "2 分", "trend": "2 分"}
    scribe.submits("li.na", "人工打分", text="取数平台不可用,按值班人员监看打分", **scores)


def _filed(scribe: Scribe) -> None:
    scribe.heading("电话报了证监局:写明谁接的、说了什么,时钟才停;日志存证")
    scribe.passes(minutes=3)
    scribe.taps("li.na", "已报 R1", "监管时钟")
    scribe.submits("li.na", "已报 R1", way="电话", callee="证监局值班室王处", points="08:57 报盘中断,正在切换备用报盘")
    scribe.sends_file("li.na", "报盘日志.txt", "08:57 报盘程序断开\n".encode())


def _waived(scribe: Scribe) -> None:
    scribe.heading("不用报的,要写理由,由第二人同意;其间时钟照走,口头同意不算")
    scribe.taps("li.na", "否:影响清算交收", "待判断")
    scribe.submits("li.na", "否:影响清算交收", text="只影响报盘,清算交收系统未触及")
    scribe.says("sun.jie", "/同意 A1 口头=周衡 电话里说可以")
    scribe.taps("guo.ping", "同意", "待批 A1")


def _heard(scribe: Scribe) -> None:
    scribe.heading("领导在电话里同意启动,值班员记下,立即生效;领导再点一下补签")
    scribe.says("wu.di", "/事件 启动 I1")
    scribe.picks("li.na", "口头同意 A2", "INC-")
    scribe.submits("li.na", "口头同意 A2", oral="林岳", text="电话里说马上启动")
    scribe.taps("lin.yue", "确认", "补签")


def _alike(scribe: Scribe) -> None:
    scribe.heading("又有人报同样的事:并入还是另开,由他自己选;另开的查无此事,第二人同意后算误报")
    scribe.says("wu.di", "/事件 上报 类型=系统故障 系统=集中交易 集中交易备机告警")
    scribe.taps("wu.di", "另开", "来报 N3")
    scribe.picks("li.na", "误报", "备机告警")
    scribe.submits("li.na", "误报", delayed="否", text="备机例行切换测试触发的告警,没有影响客户")
    scribe.taps("zhou.heng", "同意", "误报")


def _hidden(scribe: Scribe) -> None:
    scribe.heading("受限事件:无关的人看不见,连编号都不认")
    scribe.says("guo.ping", "/事件 上报 限制=是 类型=信息泄露 内部查证一起信息外传")
    scribe.says("fang.qi", "/事件 列表")
    scribe.says("fang.qi", "/事件 查看 I3")
    scribe.says("guo.ping", "/事件 列表")


def page(folder: Path, mode: Mode) -> str:
    with firm_on_feishu(folder, mode, plan=SAMPLE_PLAN) as firm:
        told = play(firm)
        assert firm.sim.oddities == []
        return told


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(page(Path(folder), "http"), encoding="utf-8")
        sys.stdout.write(f"{PAGE}\n")
