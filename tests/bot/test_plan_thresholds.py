"""`gengfu plan thresholds`: a form that says what is repealed, and an import that takes all of it or nothing."""

import csv
import io
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.doctor import of_thresholds
from bot.plan_cli import show_command
from bot.plan_diff import differences
from bot.plan_thresholds import form_command, import_command
from handlers.core.wording import Words
from storage.plan import check_plan, fingerprint, load_plan, plan_files
from tests.workflows.core.test_thresholds import make_threshold
from workflows.core.errors import BadConfig
from workflows.core.thresholds import KINDS

SAMPLE = Path(__file__).parents[2] / "bot" / "plan"
TODAY = date(2026, 11, 22)
GOOD = {"本公司门槛(≥)": "7", "文件": "公告〔2021〕12号附表", "条款": "第3项", "录入人": "郭平", "录入日期": "2026-11-20", "已核原文": "是"}
OLD = "2012年旧规,已废止,仅供对照"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLE, tmp_path / "plan"))


def form(folder: Path, name: str = "form.csv") -> list[dict[str, str]]:
    path = folder.parent / name
    assert form_command(folder, "zh", path)[0] == 0
    assert path.read_bytes().startswith(b"\xef\xbb\xbf"), "Excel takes it for UTF-8"
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def row_of(rows: list[dict[str, str]], event: str, grade: str, measure: str) -> dict[str, str]:
    return next(row for row in rows if (row["事件代码"], row["级别代码"], row["指标代码"]) == (event, grade, measure))


def filled(folder: Path, rows: list[dict[str, str]], coding: str = "utf-8-sig", delimiter: str = ",") -> Path:
    path, out = folder.parent / "filled.csv", io.StringIO(newline="")
    sheet = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    sheet.writeheader()
    sheet.writerows(rows)
    path.write_bytes(out.getvalue().encode(coding, errors="replace"))
    return path


def test_the_form_shows_the_repealed_figures_apart_and_nothing_as_the_firms(folder: Path) -> None:
    rows = form(folder)
    assert len(rows) == 4 * sum(len(kind.measures) for kind in KINDS.values())
    assert {row["本公司门槛(≥)"] for row in rows} == {""}, "nothing is filled in beforehand"
    told = {(row["事件代码"], row["级别代码"], row["指标代码"]): row[OLD] for row in rows if row[OLD]}
    assert len(told) == 5
    assert "30 分钟" in told["core_trading", "major", "interruption_minutes"]
    assert "5 分钟" in told["core_trading", "larger", "interruption_minutes"]
    assert "10 万名" in told["data", "major", "leaked_persons"]
    assert row_of(rows, "core_trading", "major", "interruption_minutes")["单位"] == "分钟"


def test_an_empty_form_changes_nothing_so_that_no_repealed_figure_slips_in(folder: Path) -> None:
    form(folder)
    code, text = import_command(folder, "zh", folder.parent / "form.csv", TODAY)
    assert (code, "没有填任何门槛" in text) == (1, True)
    assert not (folder / "thresholds.toml").exists()


@pytest.mark.parametrize(("coding", "delimiter"), [("utf-8-sig", ","), ("utf-8", ";"), ("gb18030", ","), ("utf-16", "\t")])
def test_what_excel_and_wps_save_is_read(folder: Path, coding: str, delimiter: str) -> None:
    rows = form(folder)
    row_of(rows, "core_trading", "larger", "interruption_minutes").update(GOOD)
    row_of(rows, "core_trading", "major", "service_abnormality").update(
        GOOD | {"本公司门槛(≥)": "30%", "录入日期": "2026/11/2", "已核原文": "否"}
    )
    row_of(rows, "settlement", "major", "settlement_unfinished").update(GOOD | {"本公司门槛(≥)": "是", "备注": '含"在途"'})
    row_of(rows, "data", "major", "leaked_persons").update(GOOD | {"本公司门槛(≥)": "7.7万", "录入人": "guo.ping"})
    before = fingerprint(plan_files(folder))

    code, text = import_command(folder, "zh", filled(folder, rows, coding, delimiter), TODAY)

    assert code == 0, text
    assert "已写入 thresholds.toml:4 条,其中 1 条未核原文" in text
    assert "+ 集中交易、网上交易中断 · 较大:累计中断分钟 ≥ 7(公告〔2021〕12号附表 第3项)" in text
    found = {(one.event, str(one.grade), one.measure): one for one in load_plan(folder).thresholds}
    assert [one.at_least for one in found.values()] == [7, 0.3, 77_000, 1]
    share = found["core_trading", "major", "service_abnormality"]
    assert (share.entered_by, share.entered_on, share.verified) == ("guo.ping", date(2026, 11, 2), False)
    assert found["settlement", "major", "settlement_unfinished"].note == '含"在途"'
    assert check_plan(folder) == ()
    assert fingerprint(plan_files(folder)) == before, "thresholds are always today's, and no incident's rules change with them"


def test_what_stands_comes_back_in_the_next_form_and_goes_when_it_is_emptied(folder: Path) -> None:
    rows = form(folder)
    row_of(rows, "core_trading", "larger", "interruption_minutes").update(GOOD | {"文件": "=附表"})
    row_of(rows, "core_trading", "major", "affected_clients").update(GOOD | {"本公司门槛(≥)": "10万", "同组": "2"})
    assert import_command(folder, "zh", filled(folder, rows), TODAY)[0] == 0
    again = form(folder, "again.csv")
    assert row_of(again, "core_trading", "larger", "interruption_minutes")["文件"] == "'=附表", "no spreadsheet runs it"
    assert again[-1]["本公司门槛(≥)"] == "100000"
    code, text = import_command(folder, "en", folder.parent / "again.csv", TODAY)
    assert (code, [line for line in text.splitlines() if line[:1] in "+-~"]) == (0, []), "an English installation reads a Chinese form"
    row_of(again, "core_trading", "larger", "interruption_minutes")["本公司门槛(≥)"] = ""
    assert "- 集中交易" in import_command(folder, "zh", filled(folder, again), TODAY)[1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"本公司门槛(≥)": "三十来分"}, "不是大于 0 的数"),
        ({"本公司门槛(≥)": "0"}, "不是大于 0 的数"),
        ({"文件": ""}, "「文件」空着"),
        ({"条款": " "}, "「条款」空着"),
        ({"录入人": "某人"}, "「录入人」某人"),
        ({"录入人": ""}, "「录入人」空着"),
        ({"录入日期": "2026-11-23"}, "今天或以前"),
        ({"录入日期": "2026-02-30"}, "「录入日期」2026-02-30"),
        ({"已核原文": ""}, "应写 是 或 否"),
        ({"同组": "一"}, "「同组」一"),
        ({"级别代码": "huge"}, "「级别代码」不认得 huge"),
        ({"指标代码": "leaked_persons"}, "「指标代码」不认得 leaked_persons"),
    ],
)
def test_a_bad_row_is_named_with_what_to_do_and_nothing_changes(folder: Path, wrong: dict[str, str], said: str) -> None:
    rows = form(folder)
    row_of(rows, "core_trading", "larger", "interruption_minutes").update(GOOD)
    assert import_command(folder, "zh", filled(folder, rows), TODAY)[0] == 0
    before = (folder / "thresholds.toml").read_bytes()
    row_of(rows, "data", "general", "leaked_persons").update(GOOD)
    bad = row_of(rows, "core_trading", "larger", "interruption_minutes")
    number = rows.index(bad) + 2
    bad.update(wrong)
    code, text = import_command(folder, "zh", filled(folder, rows), TODAY)
    assert code == 1
    assert text.splitlines()[0].startswith(f"第 {number} 行"), text
    assert said in text
    assert text.endswith("thresholds.toml 没有改动。")
    assert (folder / "thresholds.toml").read_bytes() == before


def test_a_heavier_grade_that_begins_lower_and_a_row_twice_are_refused(folder: Path) -> None:
    rows = form(folder)
    row_of(rows, "core_trading", "larger", "interruption_minutes").update(GOOD | {"本公司门槛(≥)": "50"})
    row_of(rows, "core_trading", "major", "interruption_minutes").update(GOOD | {"本公司门槛(≥)": "40"})
    rows.append(row_of(rows, "core_trading", "larger", "interruption_minutes"))
    text = import_command(folder, "zh", filled(folder, rows), TODAY)[1]
    assert "填反" in text
    assert "请留一行" in text


def test_what_is_no_form_is_refused_in_one_sentence(folder: Path) -> None:
    book = folder.parent / "book.xlsx"
    book.write_bytes(b"PK\x03\x04rest")
    with pytest.raises(BadConfig, match="另存为"):
        import_command(folder, "zh", book, TODAY)
    with pytest.raises(BadConfig, match="cannot be read"):
        import_command(folder, "zh", folder.parent / "nothing.csv", TODAY)
    other = folder.parent / "other.csv"
    other.write_text("a,b\n1,2\n", "utf-8")
    code, text = import_command(folder, "zh", other, TODAY)
    assert (code, text.startswith("第 1 行缺少表头:事件代码")) == (1, True)
    form(folder)
    with pytest.raises(BadConfig, match="there already"):
        form_command(folder, "zh", folder.parent / "form.csv")


def test_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder.parent / "form.csv"
    assert main(["plan", "thresholds", str(folder), "--form", str(path)]) == 0
    assert main(["plan", "thresholds", str(folder), "--import", str(path)]) == 1
    assert "form.csv" in capsys.readouterr().out


def test_a_file_written_by_hand_is_checked_like_the_rest_of_the_plan(folder: Path) -> None:
    rows = form(folder)
    row_of(rows, "core_trading", "larger", "interruption_minutes").update(GOOD)
    import_command(folder, "zh", filled(folder, rows), TODAY)
    path = folder / "thresholds.toml"
    for old, new, key, code in (
        ('"core_trading"', '"core_trade"', "threshold[0].event", "unknown_name"),
        ('"larger"', '"unconfirmed"', "threshold[0].grade", "unknown_name_far"),
        ("at_least = 7", "at_least = 0", "threshold[0].at_least", "not_number"),
        ("guo.ping", "guo.pin", "threshold[0].entered_by", "unknown_name"),
        ("verified = true", "", "", ""),
    ):
        text = path.read_text("utf-8")
        path.write_text(text.replace(old, new), "utf-8")
        assert [(one.key, one.code) for one in check_plan(folder)] == ([(key, code)] if code else []), "not said is not verified"
        path.write_text(text, "utf-8")


def test_the_doctor_says_when_none_are_entered_or_none_were_compared(folder: Path) -> None:
    """What it says in words is checked with all other findings; here, which of them."""
    plan = load_plan(folder)
    unread, read = (
        make_threshold("core_trading", "larger", "interruption_minutes", 7),
        make_threshold("data", "major", "leaked_persons", 9),
    )
    unread = replace(unread, verified=False)
    for entered, state, key in (
        ((), "attention", "none"),
        ((unread,), "attention", "unverified"),
        ((unread, read), "attention", "some"),
        ((read,), "ok", "verified"),
    ):
        found = of_thresholds(replace(plan, thresholds=entered))
        assert (found.state, found.about, found.key, found.values["count"]) == (state, "thresholds", key, len(entered))
        assert Words.load("zh").say(f"doctor.thresholds.{key}", **found.values)


def test_the_plan_in_words_and_its_differences_tell_them(folder: Path) -> None:
    before = load_plan(folder)
    rows = form(folder)
    row_of(rows, "core_trading", "larger", "interruption_minutes").update(GOOD | {"已核原文": "否"})
    import_command(folder, "zh", filled(folder, rows), TODAY)
    shown = show_command(folder, "zh")
    assert "集中交易、网上交易中断 · 较大:累计中断分钟 ≥ 7(公告〔2021〕12号附表 第3项,未核原文);录入 郭平 2026-11-20" in shown
    told = differences(before, load_plan(folder), Words.load("zh"))
    assert any("新增门槛「集中交易、网上交易中断 · 较大 · 累计中断分钟」" in line for line in told), told
