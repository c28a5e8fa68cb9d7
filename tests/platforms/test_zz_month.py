from collections import Counter
from dataclasses import replace
import json
import pytest
from tests.dingtalk_firm import firm_on_dingtalk
from bot.bootstrap import SAMPLE_PLAN
WORST = "证监会=较大 平台=9 媒体=央媒 客户=5万 阅读=500万 发帖=900 热榜=前50 首帖=26 增速=2 负面=90% 投诉=90"
@pytest.mark.parametrize("lots", [False, True])
def test_month(tmp_path, lots):
    with firm_on_dingtalk(tmp_path, plan=SAMPLE_PLAN) as firm:
        p = firm.parts.worker.sender.platforms["dingtalk"]
        if not lots: p.can = replace(p.can, lots=None)
        firm.sim.state.calls.limit = 10**9; firm.sim.state.inbound.limit = 10**9
        firm.passes(minutes=3)
        for number in range(1, 5):
            firm.says("li.na", f"/事件 上报 类型=系统故障 第{number}起")
            if number % 2: firm.says("li.na", f"/定级 I{number} {WORST}")
            firm.says("li.na", f"/事件 启动 I{number}")
            for k in range(4):
                firm.passes(minutes=15)
                firm.says("li.na", f"/事件 进展 I{number} 第{k}步")
            firm.says("li.na", f"/事件 误报 I{number} 无 试用")
            try: firm.taps("lin.yue", "同意")
            except Exception as e: print("approve", str(e)[:80])
            firm.passes(days=1)
        c = Counter(r.request.route for r in firm.sim.requests)
        words = [json.loads(r.request.body)["userIds"] for r in firm.sim.calls("POST /v1.0/robot/oToMessages/batchSend")]
        print("\nLOTS", lots, "total", firm.sim.state.calls.used, "words calls", len(words), "told", sum(map(len, words)), c.most_common(6))
