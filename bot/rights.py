"""The page of rights, from the registry and the gate themselves: `python -m bot.rights > docs/guide/rights.md`."""

import sys
from collections.abc import Mapping

from bot.bootstrap import load_topics
from handlers.core.access import may, scope_of
from handlers.core.registry import COMMANDS
from storage.views.reader import RESTRICTED_ROLES
from workflows.core.people import Firm, Group, Organization, Person

COMMAND = "python -m bot.rights > docs/guide/rights.md"
_HEAD = f"""# Who may do what

Made by `{COMMAND}` from the registry of commands and the gate that checks them; a test fails
when it is out of date. ✓ = passes the gate. Behind the gate the rules of each command may ask for more: the commander, the named
approver, a second person. Every refusal is recorded in the person's own chain.

Three offices are kept apart: an *administrator* and a *security* officer look after the system and see no incident by that role alone;
an *auditor* reads and verifies, and does not act. Who is not in the plan (*colleague*) makes reports and hears what became of them.
"""
#: Kind of person -> groups that they belong to, whether they lead one, their roles.
KINDS: Mapping[str, tuple[str, bool, tuple[str, ...]]] = {
    "colleague": ("", False, ()),
    "administrator": ("", False, ("administrator",)),
    "security": ("", False, ("security",)),
    "auditor": ("", False, ("auditor",)),
    "compliance": ("", False, ("compliance",)),
    "member": ("tech", False, ()),
    "head": ("fund", True, ()),
    "office": ("office", False, ()),
    "opinion": ("opinion", False, ()),
    "legal": ("legal", False, ()),
    "lead": ("lead", True, ()),
}


def kinds_organization() -> Organization:
    """One person of each kind, named after it, who is nothing else."""
    people = {kind: Person(kind, kind, roles=roles) for kind, (group, _, roles) in KINDS.items() if group or roles}
    groups = {
        group: Group(group, group, head=kind if leads else "nobody", members=() if leads else (kind,))
        for kind, (group, leads, _) in KINDS.items()
        if group
    }
    return Organization(Firm("—"), people, groups)


def page() -> str:
    """The whole page, with a line break at its end."""
    load_topics()
    organization = kinds_organization()
    commands = [[f"`/{c.name}`", *(_mark(may(c.who, kind, organization)) for kind in KINDS)] for c in COMMANDS.values()]
    scopes = {kind: scope_of(kind, organization) for kind in KINDS}
    close = {kind: "lead" in s.groups or bool(set(s.roles) & RESTRICTED_ROLES) for kind, s in scopes.items()}
    views = [
        ["list, card, timeline, tasks, reports, board", *(_mark(s.member) for s in scopes.values())],
        ["the same of a restricted incident", *("✓" if close[k] else "part" if s.member else "" for k, s in scopes.items())],
    ]
    views.append(["the whole trail, through the API", *(_mark(may("trail", kind, organization)) for kind in KINDS)])
    note = "*part*: who commands or opened it, owns one of its tasks, or belongs to a group with tasks in it; to others it does not exist."
    return "\n".join([_HEAD, "## Commands", "", *_table("command", commands), "", "## Views", "", *_table("view", views), "", note, ""])


def _mark(yes: bool) -> str:
    return "✓" if yes else ""


def _table(name: str, rows: list[list[str]]) -> list[str]:
    head = [name, *KINDS]
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


if __name__ == "__main__":
    sys.stdout.write(page())
