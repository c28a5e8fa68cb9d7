"""合规书面认定: what ends a duty to tell persons takes compliance's own written finding, not anybody's word (PIPL Art. 57 para. 2)."""

from collections.abc import Iterable, Mapping

from handlers.core.context import Context
from handlers.core.explain import fact_name
from workflows.core.agreement import check_attestation
from workflows.core.errors import NotAllowed
from workflows.core.facts import FactSpec
from workflows.core.obligation import Obligation


def of_duty(duty: Obligation, specs: Mapping[str, FactSpec]) -> list[FactSpec]:
    """The facts without whose finding this duty is not waived."""
    return [specs[name] for name in duty.when if name in specs and specs[name].attested]


def check_written(context: Context, specs: Iterable[FactSpec], text: str) -> None:
    """Raise unless nothing of this has to be attested, or compliance writes one."""
    for spec in specs:
        if not spec.attested:
            continue
        people = context.organization.regardless_of_leave().resolve("role:compliance")
        if context.person not in people:
            names = context.words.join([context.name(person) for person in people])
            raise NotAllowed("attest.compliance", name=fact_name(context.words, spec), people=names)
        check_attestation(text)
