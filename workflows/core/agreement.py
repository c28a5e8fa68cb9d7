"""Two people and a reason: what it takes to stop, lengthen or remove a regulator's clock."""

from dataclasses import dataclass

from workflows.core.errors import NotAllowed, RuleBroken
from workflows.core.facts import Value

SHORTEST_REASON = 10
#: Two sentences: what was done, and why no harm is left.
SHORTEST_ATTESTATION = 40


@dataclass(frozen=True, slots=True)
class Agreement:
    """`by` agreed, under the reference `approval`, to what `asked_by` asked for."""

    asked_by: str
    by: str
    reason: str
    approval: str

    def as_value(self) -> dict[str, Value]:
        return {"asked_by": self.asked_by, "by": self.by, "reason": self.reason.strip(), "approval": self.approval}


def check(agreement: Agreement) -> None:
    """Raise unless two different people agreed, with a reason and a reference to lead back to."""
    check_reason(agreement.reason)
    if not agreement.asked_by or not agreement.by or agreement.asked_by == agreement.by:
        raise NotAllowed("agreement.second_person")
    if not agreement.approval:
        raise RuleBroken("agreement.approval")


def check_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise RuleBroken("agreement.reason", shortest=SHORTEST_REASON)


def check_attestation(text: str) -> None:
    """A written finding says more than a reason: which measures were taken, and why they keep all harm away."""
    if len(text.strip()) < SHORTEST_ATTESTATION:
        raise RuleBroken("attest.short", shortest=SHORTEST_ATTESTATION)
