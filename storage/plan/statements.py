"""`statements/*.md`: templates of what the firm says, with fields `{name}` that somebody fills; `rules.toml` there: what holds for all.

`drafters`: the groups that write it, submit it and take it back; left out: the public-opinion group.
A field is filled by the incident (a name of INCIDENT, a fact of facts.toml) or by the author, who is asked for what the template declares:

    +++
    title = "首次告知"
    drafters = ["opinion"]
    [fields]
    "现象" = "text"
    +++
    {发生时间}起,我司{系统}出现{现象}……

`internal = true` in the head: lines for those who are asked (内部口径), approved like any other text and never published.
"""

import re
from collections.abc import Iterator

from storage.plan.findings import Finding, listed, nearest
from storage.plan.organization import GROUPS
from storage.plan.table import Table, read_toml
from workflows.core.facts import FactBook
from workflows.core.template import DRAFTERS, INCIDENT, KINDS, Template, Wording, banned

FOLDER = "statements/"
RULES = f"{FOLDER}rules.toml"
_HEAD = re.compile(r"\A\+\+\+\n(.*?)\n\+\+\+\n", re.DOTALL)
_FIELD = re.compile(r"\{([^{}\n]*)\}")


def read_wording(root: Table) -> Wording:
    """What is left out is as it always was; an empty list is the firm's own word."""
    usual = Wording()
    said = {name: (root.texts(name), root.has(name)) for name in ("banned", "cause_open")}
    root.close()
    return Wording(**{name: found if there else getattr(usual, name) for name, (found, there) in said.items()})


def read_template(name: str, content: bytes, facts: FactBook | None, wording: Wording) -> tuple[Template | None, tuple[Finding, ...]]:
    """The template in a file, and what is wrong with it. Without `facts` (they cannot be read) no field is doubted."""
    try:
        whole = content.decode()
    except UnicodeDecodeError as fault:
        return None, (Finding(name, "", "bad_utf8", {"byte": str(fault.start)}),)
    found = _HEAD.match(whole)
    head = found.group(1) if found else ""
    if not head.strip():
        return None, (Finding(name, "", "no_template_head"),)
    source, root = read_toml(name, f"\n{head}\n".encode())
    if root is None:
        return None, tuple(source.findings)
    start = found.end() if found else 0
    template = _template(root, whole[start:])
    findings = [*root.source.findings]
    if facts is not None:
        known = (*INCIDENT, *template.fields, *facts.by_name, *facts.specs)
        findings += _unfilled(name, whole, start, known)
    findings += [Finding(name, "", "banned_inside", {"phrase": phrase}) for phrase in banned(template.text, wording)]
    return template, tuple(findings)


def _template(root: Table, text: str) -> Template:
    title, internal, fields = root.text("title"), root.flag("internal"), {}
    if table := root.table("fields"):
        for name in table.names():
            kind = table.text(name)
            if kind and kind not in KINDS:
                table.source.unknown(table.key(name), "field", kind, KINDS)
            fields[name] = kind
        table.close()
    drafters = _drafters(root)
    root.close()
    return Template(title, fields, text, drafters, internal)


def _drafters(root: Table) -> tuple[str, ...]:
    found = root.texts("drafters")
    for one in (one for one in found if one not in GROUPS):
        root.source.unknown(root.key("drafters"), "group", one, GROUPS)
    if root.has("drafters") and not found and not root.source.faulty(root.key("drafters")):
        root.note("drafters", "empty_list")
    return found or DRAFTERS


def _unfilled(file: str, whole: str, start: int, known: tuple[str, ...]) -> Iterator[Finding]:
    names = {name.casefold() for name in known}
    for field in _FIELD.finditer(whole, start):
        name, line = field.group(1).strip(), whole.count("\n", 0, field.start()) + 1
        if name.casefold() in names:
            continue
        meant = nearest(name, known)
        values = {"name": name, "meant": meant} if meant else {"name": name, "known": listed(tuple(INCIDENT)[:10])}
        yield Finding(file, "", "unfilled" if meant else "unfilled_far", values, line)
