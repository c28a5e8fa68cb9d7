"""How many small faults the tests notice in the rules that decide grades, approvals, deadlines, escalation and calendars.

python -m tests.mutation [module …]        nothing is written: each fault lives in a child process of its own (Linux, macOS)

A fault is one changed operator, constant, branch, argument or entry. It is killed when the module's own tests fail, and survives when
all of them pass. The figures and the survivors that are left, each with its reason, are in docs/guide/mutation.md.
"""

import ast
import importlib.abc
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).parents[1]
CORE = "tests/workflows/core"
JOBS = {
    "workflows.core.grading": (f"{CORE}/test_grading.py",),
    "workflows.core.approval": (f"{CORE}/test_approval.py",),
    "workflows.core.deadlines": (f"{CORE}/test_deadlines.py", f"{CORE}/test_obligation_deadlines.py"),
    "workflows.core.escalation": (f"{CORE}/test_paces.py", f"{CORE}/test_escalation.py", f"{CORE}/test_quiet.py"),
    "workflows.core.chain": (f"{CORE}/test_chain.py", f"{CORE}/test_escalation.py", f"{CORE}/test_quiet.py"),
    "workflows.core.quiet": (f"{CORE}/test_quiet.py",),
    "workflows.core.hours": (f"{CORE}/test_hours.py",),
    "workflows.core.calendar": (f"{CORE}/test_calendar.py",),
    "workflows.core.working_days": (f"{CORE}/test_working_days.py", f"{CORE}/test_duty.py"),
    "workflows.core.rota": (f"{CORE}/test_rota.py", f"{CORE}/test_duty.py"),
    "workflows.core.duty": (f"{CORE}/test_duty.py",),
}
#: Seconds of work. A fault that makes a loop endless counts as noticed.
PATIENCE = 30
#: No plugins but those of pytest itself: to load them takes longer than most of these tests.
QUICKLY = ("-x", "-q", "--noconftest", "-p", "no:cacheprovider", "-o", "addopts=--import-mode=importlib", "--rootdir", str(ROOT))
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
# A few examples of each law, always the same ones; what they show is not made smaller, for nobody reads it.
settings.register_profile("mutation", deadline=None, derandomize=True, database=None, max_examples=40, phases=[Phase.generate])

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COUNT: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult,
}  # fmt: skip

#: (line, what, how to put it into the tree that it was found in)
Fault = tuple[int, str, Callable[[], object]]


def faults(tree: ast.Module) -> Iterator[Fault]:
    """Every fault of a module, always in the same order; docstrings, annotations (`Literal` too) and decorators have none."""
    passive = _passive(tree)
    for node in ast.walk(tree):
        if id(node) not in passive:
            line = getattr(node, "lineno", 0)
            yield from ((line, what, change) for what, change in (*_of_logic(node), *_of_values(node), *_of_parts(node)))


def _passive(tree: ast.Module) -> set[int]:
    found: set[int] = set()
    for node in ast.walk(tree):
        for line in getattr(node, "body", []) if isinstance(getattr(node, "body", None), list) else []:
            if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
                found.add(id(line.value))
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None), *(getattr(node, "decorator_list", ()))]
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Literal":
            parts.append(node)
        found |= {id(inner) for part in parts if part is not None for inner in ast.walk(part)}
    return found


Change = tuple[str, Callable[[], object]]


def _of_logic(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            yield f"compare {type(operator).__name__}", partial(node.ops.__setitem__, place, _COMPARE[type(operator)]())
    elif isinstance(node, ast.BoolOp):
        yield "and/or", partial(setattr, node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            rest = [value for number, value in enumerate(node.values) if number != place]
            yield f"without operand {place}", partial(setattr, node, "values", rest if len(rest) > 1 else rest * 2)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", partial(setattr, node, "operand", ast.UnaryOp(ast.Not(), node.operand))
    elif isinstance(node, ast.IfExp):
        yield "if/else", partial(setattr, node, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.If):
        yield "never", partial(setattr, node, "test", ast.Constant(False))


def _of_values(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.BinOp) and type(node.op) in _COUNT:
        yield type(node.op).__name__, partial(setattr, node, "op", _COUNT[type(node.op)]())
    elif isinstance(node, ast.Constant):
        other = _other(node.value)
        if other is not None:
            yield f"{type(node.value).__name__} {node.value!r}", partial(setattr, node, "value", other)


def _other(value: object) -> bool | float | str | None:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"XX{value}"
        case _:
            return None


def _of_parts(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "without the call", partial(setattr, node, "value", ast.Constant(None))
    elif isinstance(node, ast.Call):
        places = [place for place, keyword in enumerate(node.keywords) if keyword.arg]
        yield from ((f"without {node.keywords[place].arg}=", partial(node.keywords.pop, place)) for place in places)
    elif isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Load):
        places = [place for place, part in enumerate(node.elts) if isinstance(part, ast.Starred)]
        yield from ((f"without part {place}", partial(node.elts.pop, place)) for place in places)
    elif isinstance(node, ast.Dict):
        yield from ((f"without entry {place}", partial(_without_entry, node, place)) for place in range(len(node.keys)))


def _without_entry(node: ast.Dict, place: int) -> None:
    node.keys.pop(place)
    node.values.pop(place)


class _Faulty(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module in a changed form."""

    def __init__(self, name: str, tree: ast.Module, path: Path) -> None:
        self._name, self._path = name, path
        self._code = compile(tree, str(path), "exec")

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self, origin=str(self._path)) if fullname == self._name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def passes(name: str, tree: ast.Module, tests: Sequence[str]) -> bool:
    """Whether all tests pass with this form of the module, in a child process."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    signal.setitimer(signal.ITIMER_PROF, PATIENCE)
    settings.load_profile("mutation")
    sys.meta_path.insert(0, _Faulty(name, tree, _path(name)))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    code = 1
    try:
        code = int(pytest.main([*QUICKLY, *tests]))
    finally:
        os._exit(0 if code == 0 else 1)


def _path(name: str) -> Path:
    return ROOT / Path(*name.split(".")).with_suffix(".py")


def run(name: str, tests: Sequence[str]) -> tuple[int, list[str]]:
    """(faults tried, survivors as `line what | source`)."""
    source = _path(name).read_text(encoding="utf-8")
    if not passes(name, ast.parse(source), tests):
        raise SystemExit(f"the tests of {name} fail without any fault")
    total, lines, survivors = len(list(faults(ast.parse(source)))), source.splitlines(), []
    for number in range(total):
        tree = ast.parse(source)
        line, what, change = list(faults(tree))[number]
        change()
        if passes(name, ast.fix_missing_locations(tree), tests):
            survivors.append(f"{line:4} {what} | {lines[line - 1].strip()}")
    return total, survivors


def main(names: Sequence[str]) -> None:
    for name in names or JOBS:
        total, survivors = run(name, JOBS[name])
        killed = total - len(survivors)
        sys.stdout.write(f"{name}: {killed} of {total} killed, {killed / total:.1%}\n")
        sys.stdout.writelines(f"  {survivor}\n" for survivor in survivors)
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
