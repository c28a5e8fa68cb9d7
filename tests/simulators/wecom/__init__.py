from tests.simulators.core.clock import Clock
from tests.simulators.core.people import NotPossible
from tests.simulators.wecom.deliveries import Click
from tests.simulators.wecom.sim import Sim

__all__ = ["Click", "Clock", "NotPossible", "Sim"]
