from tests.simulators.core.clock import Clock
from tests.simulators.core.people import NotPossible
from tests.simulators.feishu.deliveries import Click
from tests.simulators.feishu.sim import Sim

__all__ = ["Click", "Clock", "NotPossible", "Sim"]
