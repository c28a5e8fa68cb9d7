"""People, groups and roles of the firm (`organization.toml`), and who an approver or audience name means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from workflows.core.rota import Shift


@dataclass(frozen=True, slots=True)
class Person:
    """`id` is stable and used everywhere inside; `identities` maps a platform to this person's id there; `deputies` stand in, in order."""

    id: str
    name: str
    title: str = ""
    phone: str = ""
    email: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    deputies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """`rota`: the shifts that share its duty; without any the head is on duty."""

    id: str
    name: str
    head: str
    name_en: str = ""
    deputy: str | None = None
    members: tuple[str, ...] = ()
    chats: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    rota: tuple[Shift, ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        """Head, deputy and members, each once, in that order."""
        return tuple(dict.fromkeys(p for p in (self.head, self.deputy, *self.members) if p))

    @property
    def leaders(self) -> tuple[str, ...]:
        return tuple(p for p in (self.head, self.deputy) if p)


@dataclass(frozen=True, slots=True)
class Firm:
    name: str
    name_en: str = ""
    bureau: str = ""
    listed: bool = False
    cii: bool = False
    exchanges: tuple[str, ...] = ()
    pbc_field: bool = False
    staff_chats: tuple[tuple[str, str], ...] = ()
    """(platform, chat) where the staff who are not in the plan read: the branch network, everybody"""


@dataclass(frozen=True, slots=True)
class Organization:
    """The plan's people; where a moment is looked at (see core.duty), also who is on duty then and who is on leave.

    `on_duty`: group -> who has the duty, nobody as (); a group that is not in it is looked at without a moment · `away`: who is on leave.
    """

    firm: Firm
    people: Mapping[str, Person]
    groups: Mapping[str, Group]
    quotas: Mapping[str, int] = field(default_factory=dict)
    """platform -> calls that its vendor allows the firm in a month, where the plan says so"""
    message_quotas: Mapping[str, int] = field(default_factory=dict)
    """platform -> messages that it pushes to us in a month, where they are counted by themselves"""
    on_duty: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    away: frozenset[str] = frozenset()

    def groups_of(self, person: str) -> tuple[str, ...]:
        """Ids of the groups `person` belongs to, in plan order."""
        return tuple(g.id for g in self.groups.values() if person in g.everyone)

    def duty_of(self, group: str) -> tuple[str, ...]:
        """Who is on duty in a group; empty when nobody is."""
        return self.on_duty.get(group, self.groups[group].leaders[:1])

    def duty(self, group: str) -> str:
        """The duty member of a group, for what needs a name: when nobody is on duty its head all the same."""
        return (self.duty_of(group) or self.groups[group].leaders)[0]

    def with_role(self, role: str) -> tuple[str, ...]:
        return tuple(p.id for p in self.people.values() if role in p.roles)

    def signed_on(self, name: str) -> tuple[str, ...]:
        """Ids of those whom the firm's identity provider means by `name`: their id there, or their e-mail address."""
        return tuple(p.id for p in self.people.values() if p.identities.get("oidc") == name or (p.email and _same_mail(p.email, name)))

    def named(self, word: str) -> Person | None:
        """The person whose id or name is `word`, with or without a leading @; None when nobody or several."""
        word = word.strip().lstrip("@＠").strip()
        if word in self.people:
            return self.people[word]
        found = [p for p in self.people.values() if p.name == word]
        return found[0] if len(found) == 1 else None

    # Leave

    def regardless_of_leave(self) -> "Organization":
        """The same with nobody away: what somebody may do does not end while they are on leave."""
        return replace(self, away=frozenset()) if self.away else self

    def stand_in(self, person: str, group: str = "") -> str | None:
        """Who does it for somebody who is away or has left: their deputies, the group's deputy and head, the leading group's."""
        known = self.people.get(person)
        chain: list[str | None] = [*(known.deputies if known else ())]
        for found in (self.groups.get(name) for name in ((group, "lead") if group else ())):
            chain += (found.deputy, found.head) if found else ()
        return next((one for one in chain if one and one != person and self.is_here(one)), None)

    def is_here(self, person: str) -> bool:
        return person in self.people and person not in self.away

    def present(self, people: Iterable[str], group: str = "") -> tuple[str, ...]:
        """`people`, with a stand-in for each who is on leave."""
        if not self.away:
            return tuple(people)
        found = (self.stand_in(one, group) if one in self.away else one for one in people)
        return tuple(dict.fromkeys(one for one in found if one))

    def _some(self, people: Iterable[str], group: str = "") -> tuple[str, ...]:
        """Of several who do the same: those who are not on leave; when all are, who stands in."""
        everyone = tuple(people)
        return tuple(one for one in everyone if one not in self.away) or self.present(everyone, group)[:1]

    # Names of audiences and approvers

    def resolve(self, spec: str, *, group: str = "", owner: str | None = None, commander: str | None = None) -> tuple[str, ...]:
        """Person ids that an audience or approver spec means now; empty when it means nobody.

        Specs: `owner`, `commander`, `group`, `group.head`, `group.deputy`, `group.duty` (of the item's group); `tech`,
        `tech.head`, `tech.deputy`, `tech.duty`; `role:compliance`; a person id; several joined by ` or `.
        """
        if " or " in spec:
            each = [self.resolve(one, group=group, owner=owner, commander=commander) for one in spec.split(" or ")]
            return tuple(dict.fromkeys(person for people in each for person in people))
        alone = {"owner": owner, "commander": commander}
        if spec in alone or spec in self.people:
            person = alone.get(spec, spec)
            return self.present((person,), "office" if spec == "commander" else group) if person else ()
        if spec.startswith("role:"):
            return self._some(self.with_role(spec.removeprefix("role:")))
        return self._of_group(spec, group)

    def _of_group(self, spec: str, group: str) -> tuple[str, ...]:
        name, _, part = spec.partition(".")
        found = self.groups.get(group if name == "group" else name)
        if found is None:
            return ()
        if part == "head":
            return self.present((found.head,), found.id)
        if part == "deputy":
            return self.present((found.deputy,), found.id) if found.deputy else ()
        if part == "duty":
            return self.duty_of(found.id)
        return self._some(found.everyone, found.id)


def _same_mail(one: str, other: str) -> bool:
    """Whatever the case; beyond ASCII to the letter, where signs that only look alike have one lower case."""
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())
