from tests.simulators.core.clock import Clock
from tests.simulators.core.people import NotPossible
from tests.simulators.dingtalk.deliveries import Click
from tests.simulators.dingtalk.sim import SCENE, Sim
from tests.simulators.dingtalk.templates import OURS, Template

__all__ = ["OURS", "SCENE", "Click", "Clock", "NotPossible", "Sim", "Template"]
