"""`organization.toml`: the firm, its people, groups and roles; and what a name in the other files may mean."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from storage.plan.rota import read_rota
from storage.plan.table import Table, Uniques
from workflows.core.people import Firm, Group, Organization, Person

GROUPS = ("lead", "office", "tech", "security", "recovery", "opinion", "client", "fraud", "business", "fund", "legal")
ROLES = ("administrator", "security", "auditor", "compliance", "board_secretary", "spokesperson")
PLATFORMS = ("wecom", "dingtalk", "feishu", "console")
#: Where a person can have an id: also at the firm's identity provider.
IDENTITIES = (*PLATFORMS, "oidc")
PARTS = ("head", "deputy", "duty")

#: Between two approvers of whom either suffices: `lead.head or lead.deputy`.
OR = " or "


def read_organization(root: Table) -> Organization:
    firm_table = root.table("firm", required=True)
    firm = _firm(firm_table) if firm_table else Firm("")
    people = _people(root)
    groups = _groups(root, people)
    calls, messages = _quotas(root.table("monthly_calls")), _quotas(root.table("monthly_messages"))
    root.close()
    return Organization(firm, people, groups, calls, messages)


def _quotas(table: Table | None) -> dict[str, int]:
    """What the firm's contract with each vendor allows in a month."""
    if table is None:
        return {}
    for platform in table.names():
        if platform not in PLATFORMS:
            table.source.unknown(table.key(platform), "platform", platform, PLATFORMS)
    return {platform: table.whole(platform) for platform in table.names() if platform in PLATFORMS}


def _firm(table: Table) -> Firm:
    firm = Firm(
        name=table.text("name"),
        name_en=table.text("name_en", ""),
        bureau=table.text("bureau", ""),
        listed=table.flag("listed"),
        cii=table.flag("cii"),
        exchanges=table.texts("exchanges"),
        pbc_field=table.flag("pbc_field"),
        staff_chats=_staff_chats(table),
    )
    table.close()
    return firm


def _staff_chats(table: Table) -> tuple[tuple[str, str], ...]:
    """`["feishu:oc_…"]`: where reminders go that are for the whole staff."""
    found = []
    for text in table.texts("staff_chats"):
        platform, _, chat = text.partition(":")
        if platform not in PLATFORMS or not chat.strip():
            table.source.unknown(table.key("staff_chats"), "platform", platform, PLATFORMS)
        else:
            found.append((platform, chat.strip()))
    return tuple(found)


def _people(root: Table) -> dict[str, Person]:
    people: dict[str, Person] = {}
    ids, accounts, tables = Uniques(), Uniques(), dict[str, Table]()
    mails: dict[str, str] = {}
    for table in root.tables("person", required=True):
        person = Person(
            id=table.id("id"),
            name=table.text("name"),
            title=table.text("title", ""),
            phone=table.text("phone", ""),
            email=table.text("email", ""),
            identities=_platform_names(table, "identities", accounts, IDENTITIES),
            roles=_known(table, "roles", "role", ROLES),
            deputies=table.texts("deputies"),
        )
        table.close()
        if person.id and ids.take(table, "id", person.id):
            people[person.id] = person
        if person.email and (first := mails.setdefault(person.email.casefold(), person.id)) != person.id:
            table.note("email", "shared_mail", name=person.email, first=first)
        tables[person.id] = table
    for table in tables.values():
        _known(table, "deputies", "person", people)
    return people


def _groups(root: Table, people: Mapping[str, Person]) -> dict[str, Group]:
    groups: dict[str, Group] = {}
    ids, names, chats = Uniques(), Uniques(), Uniques()
    tables = root.tables("group", required=True)
    for table in tables:
        group = _group(table, people, chats)
        for field, name in (("name", group.name), ("name_en", group.name_en), *((("aliases"), alias) for alias in group.aliases)):
            if name:
                names.take(table, field, name)
        if group.id and ids.take(table, "id", group.id):
            groups[group.id] = group
    for missing in (group for group in GROUPS if tables and group not in groups):
        root.note("group", "missing_group", name=missing)
    return groups


def _group(table: Table, people: Mapping[str, Person], chats: Uniques) -> Group:
    group_id = table.one_of("id", "group", GROUPS)
    group = Group(
        id=group_id,
        name=table.text("name"),
        head=table.one_of("head", "person", people, "") if people else table.text("head", ""),
        name_en=table.text("name_en", ""),
        deputy=(table.one_of("deputy", "person", people, "") if people else table.text("deputy", "")) or None,
        members=_known(table, "members", "person", people) if people else table.texts("members"),
        chats=_platform_names(table, "chats", chats),
        aliases=table.texts("aliases"),
    )
    group = replace(group, rota=read_rota(table, people, group.everyone))
    table.close()
    _check_manned(table, group)
    return group


def _check_manned(table: Table, group: Group) -> None:
    faulty = any(table.source.faulty(table.key(name)) for name in ("head", "deputy", "members"))
    if not group.everyone and not faulty:
        table.note("", "empty_group", group=group.id)
    elif not group.head and not table.source.faulty(table.key("head")):
        table.note("", "no_head", group=group.id)
    elif len(group.everyone) == 1 and not faulty:
        table.note("", "lone_group", group=group.id)


def _known(table: Table, name: str, what: str, known: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
    values = table.texts(name)
    for index, value in enumerate(values):
        if value not in known:
            table.source.unknown(f"{table.key(name)}[{index}]", what, value, known)
    return values


def _platform_names(table: Table, name: str, taken: Uniques, platforms: tuple[str, ...] = PLATFORMS) -> Mapping[str, str]:
    """Platform to an id there; one id belongs to one person or group."""
    inner = table.table(name)
    if inner is None:
        return {}
    found: dict[str, str] = {}
    for platform in inner.names():
        value = inner.text(platform)
        if platform not in platforms:
            inner.source.unknown(inner.key(platform), "platform", platform, platforms)
        elif value and taken.take(inner, platform, f"{platform}:{value}"):
            found[platform] = value
    return found


@dataclass(frozen=True, slots=True)
class Names:
    """What the rules may call people. Without an organization (it could not be read) only the fixed names are checked.

    `kept` rules were checked when they were kept: since then people may have left, and a running incident must still read its rules.
    `sound`: nothing is wrong with the organization itself; else whoever is missing in it was told there.
    """

    organization: Organization | None
    kept: bool = False
    sound: bool = True

    def check(self, table: Table, name: str, what: str, spec: str, words: tuple[str, ...], *, place: str = "") -> None:
        """Note it when `spec` is none of `words`, no group or part of one, no role and no person, or means nobody now."""
        key = table.key(place or name)
        if spec in words or self._relative(spec, words):
            return
        if not self._known(spec):
            table.source.unknown(key, what, spec, self._every(words))
        elif self.organization and self.sound and not self.kept and not self.organization.resolve(spec):
            table.source.note(key, "nobody", name=spec)

    def approver(self, table: Table, name: str, spec: str, words: tuple[str, ...] = (), *, place: str = "") -> None:
        for one in spec.split(OR):
            self.check(table, name, "approver", one.strip(), words, place=place)

    def _relative(self, spec: str, words: tuple[str, ...]) -> bool:
        return "group" in words and spec.startswith("group.") and spec.removeprefix("group.") in PARTS

    def _known(self, spec: str) -> bool:
        if spec.startswith("role:"):
            return spec.removeprefix("role:") in ROLES
        group, dot, part = spec.partition(".")
        if group in GROUPS and (not dot or part in PARTS):
            return True
        return self.organization is None or self.kept or spec in self.organization.people

    def _every(self, words: tuple[str, ...]) -> tuple[str, ...]:
        people = tuple(self.organization.people) if self.organization else ()
        parts = tuple(f"{group}.{part}" for group in (*(("group",) if "group" in words else ()), *GROUPS) for part in PARTS)
        return (*words, *GROUPS, *parts, *(f"role:{role}" for role in ROLES), *people)
