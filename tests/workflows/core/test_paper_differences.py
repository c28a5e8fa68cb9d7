"""What a paper says otherwise than it would say if it were made now."""

from dataclasses import asdict, replace

from workflows.core.paper import Entry, Line, Part, Sheet, Source, differences, sheet_of


def entry(label: str, *texts: str) -> Entry:
    return Entry(label, tuple(Line(text, (Source("I1", 1, "now", "li.na"),)) for text in texts))


SHEET = Sheet(
    form="f", title="报告书", firm="平澜证券", number="1", version=1, to="江城证监局", at="15:00", by="李娜", opening="",
    parts=(
        Part("一", (entry("人数", "1.2万户"), entry("经过", "开事件", "定级"))),
        Part("二", heads=("任务", "状态"), rows=((Line("T1"), Line("进行中")), (Line("T1"), Line("第二行"))), kind="tasks"),
        Part("三", heads=("时间",), rows=((Line("14:00"), Line("开事件")),), kind="timeline"),
    ),
    closing="", drill=False, partial=False, to_sign=True, outward=False, seal="#1", locale="zh",
    grounds=(entry("级别", "较大"),),
)  # fmt: skip


def with_part(number: int, part: Part) -> Sheet:
    return replace(SHEET, parts=tuple(part if index == number else one for index, one in enumerate(SHEET.parts)))


def test_equal_figures_do_not_differ_whatever_else_is_new() -> None:
    later = replace(SHEET, at="16:00", seal="#9", number="2", version=2, by="孙洁")
    assert differences(SHEET, later) == ()


def test_a_figure_is_named_with_both_values() -> None:
    now = with_part(0, Part("一", (entry("人数", "2.5万户"), entry("经过", "开事件", "定级"))))
    assert differences(SHEET, now) == (("人数", "1.2万户", "2.5万户"),)


def test_of_several_lines_only_those_that_changed() -> None:
    now = with_part(0, Part("一", (entry("人数", "1.2万户"), entry("经过", "开事件", "复核", "恢复"))))
    assert differences(SHEET, now) == (("经过", "定级", "复核; 恢复"),)


def test_another_source_of_the_same_figure_is_no_difference() -> None:
    moved = Entry("人数", (Line("1.2万户", (Source("I1", 9, "later", "sun.jie"),)),))
    assert differences(SHEET, with_part(0, Part("一", (moved, SHEET.parts[0].entries[1])))) == ()


def test_rows_count_and_a_timeline_does_not() -> None:
    rows = ((Line("T1"), Line("待核实")), (Line("T1"), Line("第二行")), (Line("T2"), Line("待认领")))
    now = with_part(1, replace(SHEET.parts[1], rows=rows))
    assert differences(SHEET, now) == (("二 T1", "进行中", "待核实"), ("二 T2", "", "待认领"))
    grown = with_part(2, replace(SHEET.parts[2], rows=(*SHEET.parts[2].rows, (Line("15:00"), Line("恢复")))))
    assert differences(SHEET, grown) == ()


def test_the_grounds_count_and_what_a_form_no_longer_asks_for() -> None:
    assert differences(SHEET, replace(SHEET, grounds=(entry("级别", "重大"),))) == (("级别", "较大", "重大"),)
    gone = with_part(0, Part("一", (entry("人数", "1.2万户"),)))
    assert differences(SHEET, gone) == (("经过", "开事件; 定级", ""),)


def test_a_sheet_of_before_has_no_grounds_and_is_read_as_it_was_kept() -> None:
    kept = asdict(SHEET)
    assert sheet_of(kept) == SHEET
    del kept["grounds"]
    for part in kept["parts"]:
        del part["kind"]
    old = sheet_of(kept)
    assert (old.grounds, {part.kind for part in old.parts}) == ((), {""})
    rows = ((Line("T1"), Line("待核实")),)
    assert differences(old, with_part(1, replace(SHEET.parts[1], rows=rows))) == (), "nobody can tell any more what it rested on"
    more = with_part(0, Part("一", (entry("人数", "2.5万户"), entry("经过", "开事件", "定级"))))
    assert differences(old, more) == (("人数", "1.2万户", "2.5万户"),)
