"""Every command against every kind of person: who passes the gate, written out."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.bootstrap import SAMPLE_PLAN, load_topics
from handlers.core.access import check, scope_of
from handlers.core.registry import COMMANDS
from storage.plan import load_plan
from workflows.core.errors import NotAllowed
from workflows.core.people import Organization

load_topics()

#: Kind of person to one who is nothing else; a plain `member` belongs to a group that the kinds besides do not name.
KINDS: Mapping[str, str] = {
    "guest": "clerk.042",
    "administrator": "han.tao",
    "security": "qin.an",
    "auditor": "shi.lei",
    "member": "feng.ke",
    "head": "deng.hui",
    "office": "wu.di",
    "opinion": "gao.jie",
    "lead": "lin.yue",
}
ALL = frozenset(KINDS)
LISTED = ALL - {"guest"}
#: An administrator or a security officer sees no incident by that role alone; an auditor reads and does not act.
READS = LISTED - {"administrator", "security"}
PLAN = READS - {"auditor"}
#: lead.deputy leads a group, and so is a head too.
HEADS = frozenset({"head", "lead"})
OFFICE = frozenset({"office"})

EXPECTED: Mapping[str, frozenset[str]] = {
    "incident open": ALL,  # who does not act in the plan makes a report
    "incident list": READS,
    "incident show": READS,
    "incident alert": PLAN,  # and only by a token
    "admin queue": frozenset({"administrator"}),
    "incident timeline": READS,
    "incident restrict": PLAN,
    "tip list": OFFICE,
    "tip open": PLAN,  # the office, and who reported it: the rule knows who that is
    "tip merge": PLAN,
    "tip dismiss": OFFICE,
    "incident bind": OFFICE | HEADS,
    "incident unbind": OFFICE | HEADS,
    "incident take": OFFICE,
    "incident handover": OFFICE,
    "incident grade": OFFICE | {"opinion"},
    "incident fact": PLAN,  # the handler knows whose each fact is
    "incident playbook add": OFFICE,
    "incident playbook main": OFFICE,
    "incident update": PLAN,
    "incident merge": OFFICE | {"lead"},
    "incident false-alarm": OFFICE | {"lead"},
    "incident downgrade": frozenset({"opinion"}),
    "statement draft": PLAN,  # the groups of its template: the handler knows it
    "statement edit": PLAN,
    "statement submit": PLAN,
    "statement withdraw": PLAN,
    "statement publish": frozenset({"opinion"}),
    "statement receipt": PLAN,
    "statement skip": frozenset({"opinion"}),
    "statement show": READS,
    "enquiry new": ALL,  # who is not of the plan is told who speaks
    "enquiry assign": PLAN,  # who speaks now, who has it in hand: the rule knows who that is
    "enquiry answer": PLAN,
    "enquiry decline": PLAN,
    "enquiry close": PLAN,  # the same, and the opinion group
    "enquiry list": READS,
    "enquiry show": READS,
    "enquiry remind": OFFICE | {"opinion"},
    "enquiry read": ALL,
    "enquiry unread": OFFICE | {"opinion"},
    "opinion rumour": frozenset({"opinion"}),
    "rumour find": frozenset({"opinion"}),  # technology, security and compliance too, who are nobody's only group here
    "rumour answer": frozenset({"opinion"}),
    "rumour leave": frozenset({"opinion"}),
    "rumour list": READS,
    "rumour show": READS,
    "incident activate": OFFICE | HEADS,
    "incident recovered": PLAN,  # the commander only: the rule, not the gate, knows who that is
    "incident end": OFFICE,
    "incident close": OFFICE | {"lead"},
    "incident reopen": OFFICE | {"lead"},
    "task list": READS,
    "task mine": READS,
    "task why": READS,
    "task add": OFFICE | HEADS,
    "task claim": PLAN,
    "task seen": PLAN,
    "task ask": PLAN,
    "task attach": PLAN,
    "task release": PLAN,
    "task transfer": PLAN,
    "task assign": OFFICE | HEADS,
    "task progress": PLAN,
    "task done": PLAN,
    "task verify": PLAN,
    "task reject": PLAN,
    "task block": PLAN,
    "task snooze": PLAN,
    "task cancel": HEADS,
    "approve": PLAN,
    "oral confirm": PLAN,  # that leader only: the rule knows who it is
    "oral deny": PLAN,
    "return": PLAN,
    "delegate": PLAN,
    "later": PLAN,
    "report list": READS,
    "report filed": PLAN,  # of the doer's group or the office: the handler knows the report
    "report not-required": OFFICE | {"lead"},  # legal and compliance too, who are nobody's only group here
    "report require": OFFICE | {"lead"},  # the same people
    "report later": OFFICE | {"lead"},  # the same people
    "report draft": PLAN,  # the doer's group, office, legal, compliance: the handler knows the report
    "report sign": PLAN,  # those whom the plan names for the level: the rule knows who they are
    "report show": READS,
    "report note": PLAN,  # of the doer's group or the office: the handler knows the report
    "report return": PLAN,  # those who may sign
    "incident summary": OFFICE,
    "duty show": LISTED,
    "duty set": OFFICE | HEADS,  # of that group, or the office's leaders: the rule knows which
    "duty swap": PLAN,
    "duty leave": PLAN,
    "duty refuse": PLAN,
    "duty cancel": PLAN,
    "duty handover": PLAN,
    "login": LISTED,
    "login sessions": LISTED,
    "login revoke": LISTED,
    "login reset": LISTED,
    "help": ALL,
    "whoami": ALL,
    "who": LISTED,
}


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Organization:
    """The sample firm with two people more, so that every kind has somebody who is nothing else."""
    plan = tmp_path_factory.mktemp("plan")
    for source in SAMPLE_PLAN.rglob("*.toml"):
        target = plan / source.relative_to(SAMPLE_PLAN)
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text("utf-8"), "utf-8")
    _hire(plan / "organization.toml")
    return load_plan(plan).organization


def _hire(path: Path) -> None:
    text = path.read_text("utf-8")
    people = "".join(f'[[person]]\nid = "{person}"\nname = "{name}"\n\n' for person, name in (("feng.ke", "冯科"), ("gao.jie", "高洁")))
    people += '[[person]]\nid = "qin.an"\nname = "秦安"\nroles = ["security"]\n\n'
    text = text.replace("[[group]]", people + "[[group]]", 1)
    text = text.replace('members = ["feng.lan"]', 'members = ["feng.lan", "feng.ke"]').replace(
        'members = ["sun.jie"]', 'members = ["sun.jie", "gao.jie"]'
    )
    path.write_text(text, "utf-8")


def test_each_kind_of_person_is_only_that(organization: Organization) -> None:
    groups = {kind: organization.groups_of(person) for kind, person in KINDS.items()}
    assert groups == {
        "guest": (),
        "administrator": (),
        "security": (),
        "auditor": (),
        "member": ("client",),
        "head": ("fund",),
        "office": ("office",),
        "opinion": ("opinion",),
        "lead": ("lead",),
    }
    leaders = {kind for kind, person in KINDS.items() if any(person in g.leaders for g in organization.groups.values())}
    assert leaders == {"head", "lead"}
    assert not scope_of("clerk.042", organization).member
    assert [scope_of(KINDS[kind], organization).roles for kind in ("administrator", "security", "auditor")] == [
        ("administrator",),
        ("security",),
        ("auditor",),
    ]
    assert [kind for kind, person in KINDS.items() if scope_of(person, organization).member] == sorted(READS, key=list(KINDS).index)


def test_the_table_names_every_command() -> None:
    assert set(EXPECTED) == set(COMMANDS)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_who_passes_the_gate(organization: Organization, name: str) -> None:
    assert {kind for kind, person in KINDS.items() if _passes(COMMANDS[name].who, person, organization)} == EXPECTED[name]


def _passes(who: str, person: str, organization: Organization) -> bool:
    try:
        check(who, person, organization)
    except NotAllowed:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    [
        *("approve", "oral confirm", "oral deny", "return", "delegate", "later"),
        *("incident activate", "incident end", "incident close", "incident merge", "incident false-alarm", "incident downgrade"),
        *("report not-required", "report later", "report sign"),
    ],
)
def test_acts_of_four_eyes_are_marked_as_such(name: str) -> None:
    assert COMMANDS[name].four_eyes


@pytest.mark.parametrize(
    ("who", "key"),
    [
        ("group:office", "access.group"),
        ("heads", "access.heads"),
        ("group:office|heads", "access.group_or_heads"),
        ("heads|group:office", "access.group_or_heads"),
        ("role:auditor", "access.role"),
        ("group:office|role:compliance", "access.group_or_role"),
    ],
)
def test_the_refusal_names_everybody_who_may(organization: Organization, who: str, key: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        check(who, "feng.ke", organization)
    assert refused.value.key == key
