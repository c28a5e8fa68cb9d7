"""What `gengfu plan check` and `gengfu plan show` say, in both languages."""

import shutil
import string
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.plan_cli import check_command, finding_line, show_command
from handlers.core.wording import FOLDER, Locale, Words
from storage.database import Database
from storage.plan import Finding, PlanError, load_plan
from storage.plan.findings import SENTENCES, WHAT
from tests.world import SMALL_PLAN, make_world

SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
LOCALES: tuple[Locale, ...] = ("zh", "en")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "plan"))


def spoil(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def catalog(locale: str) -> dict[str, object]:
    plan: dict[str, object] = tomllib.loads((FOLDER / locale / "plan.toml").read_text(encoding="utf-8"))["plan"]
    return plan


def test_a_sound_plan_is_called_sound_with_its_fingerprint() -> None:
    code, text = check_command(SAMPLE, "zh")
    assert code == 0
    assert "预案无误:23 人、11 个小组" in text
    assert load_plan(SAMPLE).fingerprint in text
    code, text = check_command(SAMPLE, "en")
    assert (code, text.partition(":")[0]) == (0, "The plan is sound")


def test_each_fault_is_a_line_and_the_count_closes(folder: Path) -> None:
    spoil(folder, "response.toml", 'cadence = "PT30M"', 'cadence = "PT3H"')
    spoil(folder, "playbooks/common.toml", 'group = "security"', 'group = "securty"')
    code, text = check_command(folder, "zh")
    assert code == 1
    lines = text.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("response.toml:")
    assert "l2.cadence: 更重的级别 l2 反而更慢(PT3H,而 l3 是 PT1H);最多写 PT1H" in lines[0]
    assert "task[2].group: 没有「securty」这个小组;是不是 security?" in lines[1]
    assert lines[2] == "共 2 处问题。"
    english = check_command(folder, "en")[1].splitlines()
    assert english[1].endswith("task[2].group: unknown group “securty”; did you mean security?")
    assert english[2] == "Faults found: 2."


def test_a_folder_that_is_not_there_is_a_fault_of_usage(tmp_path: Path) -> None:
    code, text = check_command(tmp_path / "nowhere", "en")
    assert code == 2
    assert "GENGFU_PLAN_DIR" in text


def test_the_english_catalog_says_what_the_error_says(folder: Path) -> None:
    spoil(folder, "rubric.toml", "min = 7", "min = 8")
    with pytest.raises(PlanError) as refused:
        load_plan(folder)
    assert check_command(folder, "en")[1].splitlines()[0] == str(refused.value.findings[0])


@pytest.mark.parametrize("locale", LOCALES)
def test_every_finding_has_its_sentence_with_the_same_blanks(locale: Locale) -> None:
    plan = catalog(locale)
    sentences = {key: text for key, text in plan.items() if isinstance(text, str)}
    assert set(sentences) == set(SENTENCES)
    for code, sentence in SENTENCES.items():
        assert blanks(sentences[code]) == blanks(sentence), code
        if locale == "en":
            assert sentences[code] == sentence
    assert set(plan["what"]) == set(WHAT)  # type: ignore[call-overload]


def test_both_catalogs_have_the_same_keys_and_blanks() -> None:
    def flat(table: dict[str, object], prefix: str = "") -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for key, value in table.items():
            found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: blanks(str(value))}
        return found

    assert flat(catalog("zh")) == flat(catalog("en"))


def test_a_finding_cannot_drive_the_terminal() -> None:
    finding = Finding("response.toml", "l2.\x1b[31m", "unknown_key_far", {"name": "\x1b]0;x\x07", "known": "a, b"}, 3)
    line = finding_line(finding, Words.load("en"))
    assert line.isprintable()
    assert line.startswith("response.toml:3 l2.")


def test_the_plan_in_chinese() -> None:
    text = show_command(SAMPLE, "zh")
    assert "应急办(综合协调组)(office):组长 李娜;B角 孙洁;成员 吴迪" in text
    assert "合规:郭平" in text
    assert "中度:7 至 9 分,每 1小时 重新打分" in text
    assert "三级响应:通报 每 1小时;启动 应急领导小组B角 (林岳)" in text
    assert "责任人(私信、加急;10分 后下一级) → 本组组长、本组B角(私信、群内点名、加急;10分 后下一级)" in text
    assert "→ 总指挥(私信、加急、电话;10分 后下一级)" in text
    assert "1小时 / 30分 / 15分 / 15分|自上报|信息安全小组|固定证据(日志、镜像、录屏、链路数据),禁删改" in text
    assert "— / 2小时40分 / 1小时20分 / 40分|自定级|舆情应对小组|对外声明起草与审批" in text
    assert "不是中证协原表" in text
    assert "预案「信息泄露」(data_leak)\n  子类:客户个人信息、交易与资产数据" in text
    assert "合规法务组|公安报案 [时限随报送事项 公安机关报案]" in text


def test_the_facts_tell_who_states_them_what_they_start_as_and_whether_two_must_agree() -> None:
    lines = show_command(SAMPLE, "zh").splitlines()
    (crime,) = (line for line in lines if line.startswith("  涉嫌犯罪(suspected_crime)"))
    assert "由 应急办(综合协调组)、信息安全小组、金融诈骗专项组、合规法务组 填写" in crime
    assert "网络攻击、金融诈骗默认是; 信息泄露、合规风险默认待定; 系统故障、供应商与外部机构中断、舆情(含传闻)默认否" in crime
    assert crime.endswith("须两人")
    assert "  原因(cause):文字;由 各组组长 填写" in lines


def test_the_duties_tell_when_by_when_to_whom_by_whom_and_how_certain_that_is() -> None:
    text = show_command(SAMPLE, "zh")
    police = (
        "  公安机关报案(police):视条件:涉嫌犯罪 = 是;自获知起 一般 4小时 / 较大 2小时 / 重大 1小时 / 特别重大 1小时;报 属地公安网安部门;"
        "由 合规法务组(网络攻击、信息泄露、金融诈骗)、其余类型 应急办(综合协调组) 办\n"
        "    依据 国家网络安全事件报告管理办法第4条; 网络数据安全管理条例第11条(原文为“及时/按规定”,分钟数为默认); 本项目默认; "
        "已核原文; 原文用语「及时」"
    )
    assert police in text
    assert "视条件:网信级别较大以上、公司是关基运营者 = 否;自获知起 4小时" in text
    assert "自获知起 每 一般 1小时 / 较大 30分 / 重大 30分 / 特别重大 30分 一次,直到恢复" in text
    assert "每起事件;自结束起 5 个工作日;报 公司管理层;由 应急办(综合协调组) 办" in text
    english = show_command(SAMPLE, "en")
    assert "First public response (public_first_response): only when public opinion moderate or above; from grading moderate 4 h" in english
    assert "done by Compliance and legal (Data leak), Emergency office in other types" in english


def test_the_calendar_is_told_with_its_sources() -> None:
    text = show_command(SAMPLE, "zh")
    assert "日历:交易时段 09:30–11:30、13:00–15:00;服务时段 09:00–11:30、13:00–17:00;按日计的时限到 17:00 止" in text
    assert "  2026 年:放假 01/01–01/03、02/15–02/23" in text
    assert "调休上班 01/04、02/14、02/28、05/09、09/20、10/10\n    来源:国务院办公厅关于2026年" in text


def test_warnings_leave_the_plan_sound(folder: Path) -> None:
    code, text = check_command(folder, "zh", date(2026, 12, 1))
    assert code == 0
    assert text.splitlines()[0].startswith("提醒 calendar.toml: 缺少 2027 年:")
    assert "预案无误" in text
    assert "另有 1 处提醒" in text
    spoil(folder, "response.toml", 'cadence = "PT30M"', 'cadence = "PT3H"')
    code, text = check_command(folder, "en", date(2026, 12, 1))
    assert code == 1
    assert text.splitlines()[-2:] == ["Faults found: 1.", "Warnings, which keep nobody from using it: 1."]


def test_the_plan_in_english() -> None:
    text = show_command(SAMPLE, "en")
    assert "Emergency office (office): head 李娜; deputy 孙洁; members 吴迪" in text
    assert "Response level 2: update every 30 min; activate head of Leading group (周衡)" in text
    assert "30 min / 15 min / 10 min / 5 min | from opening | System recovery | Locate the failing part" in text
    assert "Notify the exchanges [due with the report First report to the exchanges]" in text
    assert "[approved by head of Leading group (周衡) before it is done, and closed by the same; only when subtype ransomware]" in text


@pytest.mark.parametrize("locale", LOCALES)
def test_the_plan_shows_every_task_group_and_level(locale: Locale) -> None:
    plan, text = load_plan(SAMPLE), show_command(SAMPLE, locale)
    for playbook in plan.playbooks.values():
        for line in playbook.lines:
            assert (line.title if locale == "zh" else line.title_en) in text
    for group in plan.organization.groups.values():
        assert (group.name if locale == "zh" else group.name_en) in text
    assert text.count("snooze: " if locale == "en" else "稍后:") == 4


def test_a_broken_plan_is_not_shown(folder: Path) -> None:
    (folder / "facts.toml").unlink()
    with pytest.raises(PlanError, match=r"facts\.toml: this file is missing"):
        show_command(folder, "zh")


def test_the_rotas_the_days_to_come_and_what_a_database_keeps(tmp_path: Path) -> None:
    """Without a rota nothing of it is told; with one the next 7 days; with a database leave and changes too."""
    now = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)
    assert "值班表" not in show_command(SMALL_PLAN, "zh", now)
    plan = shutil.copytree(SMALL_PLAN, tmp_path / "plan")
    chats = 'chats = { console = "g:tech" }'
    text = (plan / "organization.toml").read_text("utf-8")
    rota = '[[group.duty]]\nkind = "weekly"\npeople = ["wang.qiang", "zhao.min"]\nstart = 2026-03-09\n'
    (plan / "organization.toml").write_text(text.replace(chats, f"{chats}\n\n{rota}"), "utf-8")
    shown = show_command(plan, "zh", now)
    assert "  信息技术应急小组 每周轮值:王强、赵敏(2026-03-09 起,09:00 交接)" in shown
    assert "    14:00 至 03-16 09:00 王强" in shown
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    try:
        world = make_world(database, start=now, plan=plan)
        world.says("zhao.min", "/请假 自=3月15日 至=3月18日")
        shown = show_command(plan, "zh", now, database=database)
    finally:
        database.close()
    assert "    03-16 09:00 至 03-17 14:00 王强(原为 赵敏:请假)" in shown
    assert shown.splitlines()[-1] == "  W1 请假 赵敏 03-15 00:00 至 03-19 00:00"
