from tests.simulators.dingtalk.deliveries import Click
from tests.simulators.dingtalk.sim import SCENE, Sim
from tests.simulators.dingtalk.templates import OURS, Template
from tests.simulators.feishu.people import NotPossible
from tests.simulators.feishu.state import Clock

__all__ = ["OURS", "SCENE", "Click", "Clock", "NotPossible", "Sim", "Template"]
