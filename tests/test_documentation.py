"""What operators can set or read stands in the documents, and the documents name nothing that does not exist."""

import re
import tomllib
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from bot import rights
from bot.config import NAMES, OUTLET, SETTINGS, Setting, read_settings
from bot.metrics import Metrics

ROOT = Path(__file__).parent.parent
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
OPERATIONS = (ROOT / "docs/guide/operations.md").read_text("utf-8")
A_NAME = re.compile(r"\b(?:GENGFU|WECOM|DINGTALK|FEISHU|SMTP|OIDC)_[A-Z_]+\b")


def exposed() -> dict[str, tuple[str, list[str]]]:
    """The name of each metric as Prometheus sees it -> kind, labels."""
    found: dict[str, tuple[str, list[str]]] = {}
    for metric in vars(Metrics()).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            found[name] = (family.type, list(metric._labelnames))
    return found


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_stands_in_the_example_and_in_the_guide(setting: Setting) -> None:
    assert re.search(rf"^#{setting.name}=", EXAMPLE, re.MULTILINE), f"{setting.name} is missing in .env.example"
    assert f"`{setting.name}`" in OPERATIONS, f"{setting.name} is missing in docs/guide/operations.md"


def test_the_example_and_the_guide_name_no_setting_that_does_not_exist() -> None:
    named = {name for name in A_NAME.findall(EXAMPLE + OPERATIONS) if not OUTLET.fullmatch(name)}
    assert named - {"GENGFU_OUTLET_"} <= set(NAMES), "the operator's own names have a shape"


def test_the_guide_tells_the_defaults_and_what_is_secret() -> None:
    for setting in SETTINGS:
        (row,) = re.findall(rf"^\| `{setting.name}`( \(secret\))? \| (.*?) \|", OPERATIONS, re.MULTILINE)
        assert bool(row[0]) == setting.secret, setting.name
        assert not setting.default or row[1] == f"`{setting.default}`", setting.name


def test_the_example_starts_as_it_is() -> None:
    assert read_settings({}, ROOT / ".env.example") == read_settings({}, None)


def test_the_guide_lists_every_metric_with_its_labels_and_no_other() -> None:
    rows = re.findall(r"^\| `(gengfu_\w+)` \| (\w+) \|([^|]*)\|", OPERATIONS, re.MULTILINE)
    assert {name: (kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in rows} == exposed()


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    reasons = (ROOT / "docs/adr/0007-dependencies.md").read_text("utf-8")
    for requirement in (*project["dependencies"], *project["optional-dependencies"]["dev"]):
        name = re.split(r"[\[><=]", requirement)[0]
        assert f"`{name}`" in reasons, f"docs/adr/0007-dependencies.md does not say why {name} is needed"


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_hashes_and_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"://|^-|index-url|find-links|@ |\s/\w", text, re.MULTILINE)
    pins = re.findall(r"^[a-z0-9.-]+==\S+ \\\n(?=    --hash=sha256:)", text, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE))


def test_the_locks_agree() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text("utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_decisions_are_numbered_and_whole() -> None:
    decisions = sorted((ROOT / "docs/adr").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text("utf-8")
        for heading in ("Context", "Decision", "Consequences", "Alternatives", "References"):
            assert f"\n## {heading}\n" in text, f"{path.name} has no {heading}"


def test_files_that_decisions_refer_to_exist() -> None:
    for path in (ROOT / "docs/adr").glob("*.md"):
        for name in re.findall(r"`((?:bot|handlers|storage|workflows|tests)/[\w./-]*)`", path.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{path.name} refers to {name}"


def test_links_between_documents_lead_somewhere() -> None:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_the_page_of_rights_is_what_the_gate_does() -> None:
    assert (ROOT / "docs/guide/rights.md").read_text("utf-8") == rights.page(), f"out of date: {rights.COMMAND}"


def test_each_kind_of_person_on_that_page_is_only_that() -> None:
    organization = rights.kinds_organization()
    for kind, (group, _, roles) in rights.KINDS.items():
        assert organization.groups_of(kind) == ((group,) if group else ())
        assert kind == "colleague" or organization.people[kind].roles == roles
