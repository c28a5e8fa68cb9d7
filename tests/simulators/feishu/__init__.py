from tests.simulators.feishu.deliveries import Click
from tests.simulators.feishu.people import NotPossible
from tests.simulators.feishu.sim import Sim
from tests.simulators.feishu.state import Clock

__all__ = ["Click", "Clock", "NotPossible", "Sim"]
