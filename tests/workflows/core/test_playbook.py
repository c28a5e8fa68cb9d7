"""Lines of several playbooks for the same work are one task."""

from dataclasses import replace

from workflows.core.playbook import TaskLine, merged, same_work

POLICE = TaskLine("leak.police", "公安报案", "legal", "报案回执", done_en="Receipt", optional=True)
AGAIN = TaskLine("fraud.police", "公安报案", "legal", "立案回执", done_en="Case number", approve="lead.head", approve_first=True)


def test_same_title_and_group_is_the_same_work() -> None:
    other = replace(AGAIN, code="tech.police", group="tech")
    assert same_work([POLICE, other, AGAIN, POLICE]) == [(POLICE, AGAIN), (other,)]


def test_the_first_due_leads_and_nothing_that_a_line_asks_is_lost() -> None:
    one = merged(AGAIN, (POLICE, AGAIN))
    assert (one.code, one.done, one.done_en) == ("fraud.police", "立案回执;报案回执", "Case number; Receipt")
    assert (one.optional, one.approve, one.approve_first) == (False, "lead.head", True)
    two = merged(POLICE, (POLICE, AGAIN))
    assert (two.code, two.optional, two.approve, two.approve_first) == ("leak.police", False, "lead.head", True)
