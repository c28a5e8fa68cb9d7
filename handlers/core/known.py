"""What conditions can ask about an incident now."""

from workflows.core.conditions import Known
from workflows.core.people import Organization
from workflows.core.plan import Plan
from workflows.incident import Incident


def known_facts(incident: Incident, plan: Plan, organization: Organization) -> Known:
    firm = organization.firm
    return Known(
        facts=incident.facts,
        csrc_grade=incident.csrc_grade,
        cac_grade=incident.cac_grade,
        opinion_level=incident.opinion_level,
        provisional=incident.provisional,
        subtype=incident.subtype,
        subtypes=tuple(code for name in incident.playbooks for code in plan.playbooks[name].subtypes),
        clocks=frozenset(name for name, at in incident.clocks().items() if at is not None),
        firm={"cii": firm.cii, "listed": firm.listed, "pbc_field": firm.pbc_field},
    )
