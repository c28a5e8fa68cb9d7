"""People, groups and roles of the firm (`organization.toml`), and who an approver or audience name means."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Person:
    """`id` is stable and used everywhere inside; `identities` maps a platform to this person's id there."""

    id: str
    name: str
    title: str = ""
    phone: str = ""
    email: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    id: str
    name: str
    head: str
    name_en: str = ""
    deputy: str | None = None
    members: tuple[str, ...] = ()
    chats: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Organization:
    firm: Firm
    people: Mapping[str, Person]
    groups: Mapping[str, Group]
    quotas: Mapping[str, int] = field(default_factory=dict)
    """platform -> calls that its vendor allows the firm in a month, where the plan says so"""

    def groups_of(self, person: str) -> tuple[str, ...]:
        """Ids of the groups `person` belongs to, in plan order."""
        return tuple(g.id for g in self.groups.values() if person in g.everyone)

    def duty(self, group: str) -> str:
        """The duty member of a group: until the duty rota exists its head (else its deputy)."""
        return self.groups[group].leaders[0]

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
            return (person,) if person else ()
        if spec.startswith("role:"):
            return self.with_role(spec.removeprefix("role:"))
        return self._of_group(spec, group)

    def _of_group(self, spec: str, group: str) -> tuple[str, ...]:
        name, _, part = spec.partition(".")
        found = self.groups.get(group if name == "group" else name)
        if found is None:
            return ()
        if part == "head":
            return (found.head,)
        if part == "deputy":
            return (found.deputy,) if found.deputy else ()
        if part == "duty":
            return (self.duty(found.id),)
        return found.everyone


def _same_mail(one: str, other: str) -> bool:
    """Whatever the case; beyond ASCII to the letter, where signs that only look alike have one lower case."""
    return one == other or (one.isascii() and other.isascii() and one.lower() == other.lower())
