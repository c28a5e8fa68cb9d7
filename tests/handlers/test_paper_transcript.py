"""Papers under the whole sample plan: drafted from what is known with every source, signed by somebody else, needed by no clock."""

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import col, select

from bot.bootstrap import SAMPLE_PLAN
from bot.sent_files import SentFiles
from handlers.core.documents import document
from handlers.core.house import LostRow
from handlers.core.message import Message
from storage import uploads
from storage.database import Database
from storage.mapping import to_record
from storage.papers import WORK, content_of
from storage.seals import newest_seal, seal
from storage.tables.audit import AuditRow
from storage.tables.queues import OutboxRow, WorkRow
from storage.tables.records import ReportRow
from storage.tables.statements import RevisionRow
from tests.handlers.papers import content, lines, made, sheet, sources, words
from tests.world import World, make_world
from workflows.core.errors import NotFound
from workflows.regulator_report import Report, State


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = Database(f"sqlite:///{tmp_path / 'gengfu.db'}")
    yield make_world(database, plan=SAMPLE_PLAN)
    database.close()


@pytest.fixture
def outage(world: World) -> World:
    """A system failure, graded; 周衡 and 林岳 lead, 李娜 commands."""
    world.says("li.na", "/事件 上报 类型=系统故障 系统=集中交易 地点=江城数据中心 集中交易中断")
    world.says("li.na", "/定级 证监会=较大 阅读=120万 客户=1.2万")
    return world


def report(world: World, obligation: str) -> Report:
    rows = world.database.read(lambda tx: [to_record(Report, row) for row in tx.exec(select(ReportRow))])
    return next(one for one in rows if one.obligation == obligation)


def drafted(world: World, obligation: str = "csrc_first_written", by: str = "li.na", more: str = "") -> str:
    """The id of a paper that is made now."""
    ref = report(world, obligation).ref
    assert world.says(by, f"/报送 起草 {ref}{more}").error is None
    return f"{ref}-{report(world, obligation).drafts}"


# Drafting


def test_a_draft_is_kept_told_where_it_was_asked_for_and_changes_the_state(outage: World) -> None:
    paper = drafted(outage)
    found = report(outage, "csrc_first_written")
    assert (found.state, found.drafts, found.drafted_by) == (State.DRAFTED, 1, "li.na")
    kept = made(outage)[paper]
    assert found.draft_sha256 == kept.sha256
    line = outage.lines(outage.rooms.direct("li.na"), "li.na")[-1]
    assert kept.sha256[:16] in line.text
    assert [one["id"] for one in (line.body or {})["files"]] == [paper]
    assert [verb for actor, verb, details in outage.trail(found.ref) if actor == "work" and details["by"] == "li.na"] == ["drafted"]
    assert outage.timers(found.ref), "its clock runs on"


def test_it_says_what_is_known_and_plainly_what_is_not(outage: World) -> None:
    outage.says("li.na", "/事件 事实 需要协助事宜=请协调运营商核查专线")
    outage.says("li.na", "/事件 事实 影响投资者=是")
    found = words(content(outage, drafted(outage)))
    assert found.paragraphs[0] == "平澜证券股份有限公司"
    assert "网络安全事件情况报告书" in found.paragraphs
    assert "江城证监局：" in found.paragraphs, "by name, not 属地证监局"
    assert found.said("事件名称") == "集中交易中断"
    assert found.said("涉及系统") == "集中交易"
    assert found.said("发现（获知）时间") == "2026年3月10日 14:00"
    assert found.said("证监会口径级别") == "较大"
    assert found.said("受影响人数（户）") == "1.2万户"
    assert found.said("需要协助事宜") == "请协调运营商核查专线"
    assert found.said("是否影响投资者") == "是"
    unknown = {"发生时间", "经济损失初步评估", "原因初步判断", "恢复时间", "后果", "是否影响清算交收"}
    assert {label for label in unknown if found.said(label) == "尚不清楚"} == unknown, "also what the plan only supposes"


def test_nothing_is_left_of_any_template_in_any_form(outage: World) -> None:
    outage.says("li.na", "/定级 网信=较大 证监会=较大 阅读=120万")
    for fact in ("影响交易", "影响结算", "涉及个人信息", "涉嫌犯罪", "人民银行业务"):
        outage.says("li.na", f"/事件 事实 {fact}=是")
    refs = outage.database.read(lambda tx: [(row.ref, row.obligation) for row in tx.exec(select(ReportRow))])
    plan = outage.plans.current
    for ref, obligation in refs:
        if plan.obligations[obligation].paper:
            assert outage.says("li.na", f"/报送 起草 {ref}").error is None, obligation
    forms = {one.form for one in made(outage).values()}
    assert len(forms) >= 9
    for paper in made(outage):
        text = words(content(outage, paper)).text
        assert not re.search(r"[{}]|\bNone\b|code\.|paper\.|\x00|\x01", text), paper
        assert all(line.text.strip() for _, line in lines(sheet(outage, paper))), paper


def test_every_figure_leads_to_a_row_of_the_trail_and_the_row_says_it(outage: World) -> None:
    outage.says("li.na", "/事件 进展 已切换到备用中心")
    outage.says("sun.jie", "/事件 事实 需要协助事宜=请协调运营商")
    paper = drafted(outage)
    rows = {(row.record_ref, row.version): row for row in outage.database.read(lambda tx: list(tx.exec(select(AuditRow))))}
    told = sources(sheet(outage, paper))
    assert {(one.ref, one.version) for one in told} <= set(rows)
    names = {"李娜": "li.na", "孙洁": "sun.jie"}
    assert all(rows[one.ref, one.version].actor == names[one.by] for one in told)
    said = {label: (line.text, line.sources) for label, line in lines(sheet(outage, paper))}
    (asked,) = said["需要协助事宜"][1]
    assert rows[asked.ref, asked.version].details["given"] == {"assistance": "请协调运营商"}
    assert asked.by == "孙洁"
    (system,) = said["涉及系统"][1]
    assert rows[system.ref, system.version].details["system"] == "集中交易"
    (clients,) = said["受影响人数(户)"][1]
    assert rows[clients.ref, clients.version].details["given"]["affected_clients"] == 12000
    unsourced = {label for label, line in lines(sheet(outage, paper)) if not line.sources and line.text != "尚不清楚"}
    assert unsourced == {"联系人"}, "the duty officer is of the plan, and not of the trail"


def test_the_numbers_in_the_paper_are_those_of_its_list_of_sources(outage: World) -> None:
    paper = drafted(outage)
    found = words(content(outage, paper))
    *tables, listed = found.tables
    marks = {int(n) for table in tables for row in table for cell in row for m in re.findall(r"\[([\d,]+)\]", cell) for n in m.split(",")}
    assert marks == {int(row[0]) for row in listed[1:]} == set(range(1, len(sources(sheet(outage, paper))) + 1))
    assert [row[3].split("#")[0] for row in listed[1:]] == [one.ref for one in sources(sheet(outage, paper))]


def test_the_footer_names_number_version_content_and_the_latest_seal(outage: World) -> None:
    paper = drafted(outage)
    kept = made(outage)[paper]
    footer = words(content(outage, paper)).footer
    assert f"INC-20260310-001-{kept.record_ref}-01 第 1 稿" in footer
    assert kept.content[:16] in footer
    assert "尚无封存" in footer


def test_the_footer_names_the_latest_seal(outage: World) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    while outage.database.write(lambda tx: seal(tx, outage.clock(), key)) is not None:
        pass
    newest = outage.database.read(newest_seal)
    assert newest is not None
    footer = words(content(outage, drafted(outage))).footer
    assert f"最近封存 #{newest.id} {newest.hash[:16]} 2026-03-10 14:00" in footer


def test_in_english_papers_are_english(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'english.db'}")
    try:
        world = make_world(database, "en", plan=SAMPLE_PLAN)
        world.says("li.na", "/incident open type=system_failure system=trading Trading is down")
        world.says("li.na", "/incident grade csrc_grade=larger reads_24h=1200000")
        assert world.says("li.na", f"/report draft {report(world, 'csrc_first_written').ref}").error is None
        assert world.says("li.na", "/incident summary I1").error is None
        assert len(made(world)) == 2
        for paper in made(world):
            found = sheet(world, paper)
            said = [found.title, *(part.title for part in found.parts), *(head for part in found.parts for head in part.heads)]
            said += [label for label, _ in lines(found)]
            assert all(text.isascii() for text in said), [text for text in said if not text.isascii()]
            assert not re.search(r"[{}]|尚不清楚", words(content(world, paper)).text)
        assert words(content(world, "R2-1")).said("Cause, as far as known") == "not known yet"
    finally:
        database.close()


def test_the_same_sheet_is_the_same_bytes(outage: World) -> None:
    paper = drafted(outage)
    kept, of = made(outage)[paper], sheet(outage, paper)
    again = document(outage.road.house.words, of, kept.content)
    assert again == content(outage, paper)
    assert content_of(of) == content_of(sheet(outage, paper))
    assert document(outage.road.house.words, of, "0" * 64) != again


def test_a_form_that_a_duty_has_not_is_explained_and_phone_reports_need_none(outage: World) -> None:
    ref = report(outage, "csrc_first_phone").ref
    assert outage.says("li.na", f"/报送 起草 {ref}").error == "report.no_form"
    assert outage.says("li.na", f"/已报 {ref} 电话 王处").error is None
    assert report(outage, "csrc_first_phone").state is State.FILED


def test_who_has_no_part_in_a_duty_drafts_nothing(outage: World) -> None:
    ref = report(outage, "csrc_first_written").ref
    assert outage.says("xu.jing", f"/报送 起草 {ref}").error == "access.group_or_role"
    assert outage.says("guo.ping", f"/报送 起草 {ref}").error is None, "compliance may"


def test_the_first_two_items_go_ahead_and_the_rest_follows_as_a_new_version(outage: World) -> None:
    outage.says("li.na", "/定级 网信=较大 证监会=较大 阅读=120万")
    first = drafted(outage, "cac_first", more=" 部分=是")
    parts = {part.title[:2]: part for part in sheet(outage, first).parts}
    assert all(parts[n].entries for n in ("一、", "二、"))
    assert all(not parts[n].entries and "续报" in parts[n].note for n in ("三、", "四、", "五、", "六、", "七、", "八、"))
    assert "（部分首报，其余续报） （第 1 稿，未签发）" in words(content(outage, first)).paragraphs
    whole = drafted(outage, "cac_first")
    assert all(part.entries for part in sheet(outage, whole).parts)
    assert whole.endswith("-2")
    ref = report(outage, "csrc_first_written").ref
    assert outage.says("li.na", f"/报送 起草 {ref} 部分=是").error == "report.not_partial"


# Signing


def test_somebody_else_signs_and_the_copy_bears_the_signature_over_the_same_content(outage: World) -> None:
    paper = drafted(outage)
    ref = report(outage, "csrc_first_written").ref
    assert outage.says("li.na", f"/报送 签发 {ref}").error == "report.own_draft"
    assert outage.says("sun.jie", f"/报送 签发 {ref}").error == "report.not_signer"
    assert outage.says("zhou.heng", f"/报送 签发 {ref} 版本=1.5").error == "report.other_draft"
    assert any("待签发" in text for text in outage.direct("zhou.heng"))
    assert outage.taps("zhou.heng", f"签发 {ref}").error is None
    found = report(outage, "csrc_first_written")
    assert (found.state, found.signed_by, found.signed_sha256) == (State.SIGNED, "zhou.heng", made(outage)[paper].sha256)
    copy = made(outage)[f"{paper}-signed"]
    assert copy.content == made(outage)[paper].content
    signed = words(content(outage, copy.id))
    assert "编号：INC-20260310-001-R2-01\t签发人：周衡" in signed.paragraphs
    assert not any("未签发" in text or "待签发" in text for text in signed.paragraphs)
    assert signed.tables == words(content(outage, paper)).tables
    assert any("签发件在此" in text for text in outage.direct("li.na")), "whoever drafted it may send it now"
    verbs = [(verb, details.get("sha256")) for _, verb, details in outage.trail(ref) if verb in ("drafted", "signed", "issued")]
    assert verbs == [("drafted", found.signed_sha256), ("signed", found.signed_sha256), ("issued", copy.sha256)]


def test_a_new_draft_voids_the_signature_and_says_whose(outage: World) -> None:
    old = drafted(outage)
    before = content(outage, old)
    ref = report(outage, "csrc_first_written").ref
    outage.says("zhou.heng", f"/报送 签发 {ref}")
    outage.says("li.na", "/事件 事实 需要协助事宜=请协调运营商")
    new = drafted(outage)
    found = report(outage, "csrc_first_written")
    assert (found.state, found.signed_by, found.signed_sha256) == (State.DRAFTED, None, "")
    assert any("签发随之作废" in text for text in outage.direct("zhou.heng"))
    assert content(outage, old) == before
    assert content(outage, new) != before
    refused = outage.says("lin.yue", f"/报送 签发 {ref}")
    assert refused.error == "report.which_draft"
    assert f"/报送 签发 {ref} 版本=2" in refused.text
    assert outage.says("lin.yue", f"/报送 签发 {ref} 版本=1").error == "report.other_draft"
    assert outage.says("lin.yue", f"/报送 签发 {ref} 版本=2").error is None
    voided = [details["voided"] for _, verb, details in outage.trail(ref) if verb == "drafted"]
    assert voided == [None, "zhou.heng"]


def test_nothing_is_signed_that_was_not_drafted(outage: World) -> None:
    ref = report(outage, "csrc_first_written").ref
    assert outage.says("zhou.heng", f"/报送 签发 {ref}").error == "report.no_draft"


def test_what_was_told_is_recorded_whatever_its_paper(outage: World) -> None:
    drafted(outage)
    ref = report(outage, "csrc_first_written").ref
    reply = outage.says("li.na", f"/已报 {ref} 平台 2026-001")
    assert reply.error is None
    assert "还没有签发" in reply.text
    (details,) = [details for _, verb, details in outage.trail(ref) if verb == "filed"]
    assert details["paper"] == {"version": 1, "sha256": report(outage, "csrc_first_written").draft_sha256, "signed_by": None}
    assert outage.says("li.na", f"/报送 起草 {ref}").error == "house.move"


def test_a_signed_paper_is_filed_with_its_receipt(outage: World) -> None:
    drafted(outage)
    ref = report(outage, "csrc_first_written").ref
    outage.says("zhou.heng", f"/报送 签发 {ref}")
    assert "没有签发" not in outage.says("li.na", f"/已报 {ref} 平台 2026-001").text
    found = report(outage, "csrc_first_written")
    assert (found.state, found.filed[0].receipt) == (State.FILED, "2026-001")
    assert [details["paper"]["signed_by"] for _, verb, details in outage.trail(ref) if verb == "filed"] == ["zhou.heng"]


def test_each_round_of_a_series_has_a_paper_of_its_own(outage: World) -> None:
    drafted(outage, "csrc_progress")
    outage.passes(minutes=5)
    ref = report(outage, "csrc_progress").ref
    outage.says("li.na", f"/已报 {ref} 平台 回执001")
    found = report(outage, "csrc_progress")
    assert (found.state, found.issue, found.draft_sha256, found.drafts) == (State.DUE, 2, "", 1)
    assert drafted(outage, "csrc_progress") == f"{ref}-2"


def test_drafted_and_signed_reports_are_still_reminded_of(outage: World) -> None:
    drafted(outage)
    ref = report(outage, "csrc_first_written").ref
    outage.says("zhou.heng", f"/报送 签发 {ref}")
    before = len(outage.direct("zhou.heng"))
    outage.passes(minutes=75)
    late = outage.direct("zhou.heng")[before:]
    assert any(ref in text and "超时" in text for text in late), "a signed paper that nobody sent is no report"


# The closing summary


def test_the_closing_summary_is_the_offices_and_tells_all(outage: World) -> None:
    ref = report(outage, "csrc_first_phone").ref
    outage.says("li.na", f"/已报 {ref} 电话 王处")
    outage.passes(minutes=40)
    late = report(outage, "csrc_progress").ref
    outage.says("li.na", f"/已报 {late} 平台 回执9")
    outage.says("sun.jie", "/认领 T1")
    assert outage.says("xu.jing", "/事件 总结 I1").error == "access.group"
    assert outage.says("li.na", "/事件 总结 I1").error is None
    found = {part.title: part for part in sheet(outage, "I1-1").parts}
    filed = {(row[0].text.split(" ")[0], row[3].text): row[4].text for row in found["七、报送与时限"].rows}
    assert filed[ref, "电话 王处"] == "按时"
    assert filed[late, "平台 回执9"] == "超时"
    assert any("李娜" in row[1].text and "较大" in row[2].text for row in found["二、处置时间线"].rows)
    assert found["四、研判过程"].rows[-1][2].text.endswith("合计 11;底线:无")
    assert {row[0].text for row in found["五、任务办理情况"].rows} == {task.ref for task in outage.tasks()}
    assert "签发人" not in words(content(outage, "I1-1")).text, "it is nobody's to sign: the report on it is"


def test_the_closing_summary_lists_who_asked_and_what_people_said_answered_or_not(outage: World) -> None:
    outage.says("liu.yang", "/媒体 登记 媒体=财新 记者=章某 联系=010-8888-0000 能登录了吗")
    outage.says("liu.yang", "/媒体 登记 媒体=某报 损失多少")
    outage.says("xu.jing", "/媒体 不答复 Q2 还在核实")
    outage.says("xu.jing", "/舆情 传闻 资金没了")
    assert outage.says("li.na", "/事件 总结 I1").error is None
    found = {part.title: part for part in sheet(outage, "I1-1").parts}
    asked = [[cell.text for cell in row] for row in found["十、媒体来询"].rows]
    assert [(row[0], row[2], row[3], row[4]) for row in asked] == [
        ("Q1", "能登录了吗", "待接手", "无"),
        ("Q2", "损失多少", "不予答复", "还在核实"),
    ]
    assert [row[0].text for row in found["十一、传闻"].rows] == ["M1"]
    told = words(content(outage, "I1-1")).text
    assert not [one for one in ("章某", "010-8888-0000") if one in told]


# Who may read, and what no paper holds


def test_papers_are_read_by_those_who_make_sign_or_audit_them(outage: World) -> None:
    paper = drafted(outage)
    outage.says("li.na", "/事件 总结")
    store = SentFiles(outage.database, outage.road.house.cipher, outage.plans, outage.clock, lambda: "x")
    for person in ("li.na", "guo.ping", "zhou.heng", "shi.lei"):
        assert store.read(person, paper)[1] == content(outage, paper), person
    for person in ("xu.jing", "han.tao", "guest"):
        with pytest.raises(NotFound):
            store.read(person, paper)
    with pytest.raises(NotFound):
        store.read("xu.jing", "I1-1")
    assert store.read("sun.jie", "I1-1")[0].name.endswith("事件处理总结报告.docx")


def test_a_paper_that_somebody_sends_back_and_forgets_stays(outage: World) -> None:
    paper = drafted(outage)
    store = SentFiles(outage.database, outage.road.house.cipher, outage.plans, outage.clock, lambda: "sent")
    store.keep("li.na", "报告书.docx", content(outage, paper))
    outage.database.write(lambda tx: uploads.sweep(tx, outage.clock() + uploads.KEPT_FOR * 2))
    assert content(outage, paper).startswith(b"PK")


def test_a_paper_cannot_be_changed_or_removed(outage: World) -> None:
    drafted(outage)
    for statement in ("UPDATE paper SET sha256 = content", "DELETE FROM paper"):
        with pytest.raises(Exception, match="append-only"), outage.database.engine.begin() as connection:
            connection.exec_driver_sql(statement)


def test_client_data_stands_in_no_paper_but_masked(outage: World) -> None:
    outage.says("li.na", "/事件 进展 客户 13912345678 身份证 11010519491231002X 投诉")
    outage.says("li.na", "/事件 事实 需要协助事宜=请联系 13912345678")
    drafted(outage)
    outage.says("li.na", "/事件 总结")
    for paper in made(outage):
        text = words(content(outage, paper)).text
        assert "13912345678" not in text
        assert "11010519491231002X" not in text
        assert "139****5678" in text


# Work


def test_a_holder_that_died_leaves_one_paper_and_a_late_one_nothing(outage: World) -> None:
    ref = report(outage, "csrc_first_written").ref
    outage.road.ask(outage.message("li.na", f"/报送 起草 {ref}", outage.rooms.direct("li.na")))
    (dead,) = outage.database.write(lambda tx: WORK.claim(tx, outage.clock(), 1)).rows
    outage.settle()
    assert not made(outage), "it is held"
    outage.clock.now += WORK.lease + timedelta(seconds=1)
    outage.settle()
    assert list(made(outage)) == [f"{ref}-1"]
    with pytest.raises(LostRow):
        outage.road.labour(dead)
    assert list(made(outage)) == [f"{ref}-1"]
    told = outage.database.read(lambda tx: [row for row in tx.exec(select(OutboxRow)) if "第 1 稿已生成" in str(row.said)])
    assert len(told) == 1


def test_what_a_program_asks_for_is_told_to_its_person(outage: World) -> None:
    ref = report(outage, "csrc_first_written").ref
    asked = Message("api", "x:1", "text", "", "direct", "li.na", f"/报送 起草 {ref}", outage.clock(), addressed=True, token="k1")
    assert outage.road.ask(asked).error is None
    outage.settle()
    line = outage.lines(outage.rooms.direct("li.na"), "li.na")[-1]
    assert [one["id"] for one in (line.body or {})["files"]] == [f"{ref}-1"]


def test_two_drafts_asked_for_at_once_are_two_versions(outage: World) -> None:
    ref = report(outage, "csrc_first_written").ref
    for person in ("li.na", "guo.ping"):
        outage.road.ask(outage.message(person, f"/报送 起草 {ref}", outage.rooms.direct(person)))
    outage.settle()
    assert [(one.version, one.by) for one in made(outage).values()] == [(1, "li.na"), (2, "guo.ping")]
    assert outage.database.read(lambda tx: {row.status for row in tx.exec(select(WorkRow))}) == {"done"}


def test_what_was_filed_meanwhile_is_said_instead_of_a_paper(outage: World) -> None:
    ref = report(outage, "csrc_first_written").ref
    outage.road.ask(outage.message("li.na", f"/报送 起草 {ref}", outage.rooms.direct("li.na")))
    outage.road.ask(outage.message("sun.jie", f"/已报 {ref} 平台 001", outage.rooms.direct("sun.jie")))
    outage.settle()
    assert not made(outage)
    assert any("已经报过" in text for text in outage.direct("li.na"))


# Statements in the closing summary


def test_the_summary_tells_every_text_by_its_digest_and_who_agreed_to_it_when(outage: World) -> None:
    typed = "替代方式=电话委托\n渠道=公司官网\n客服电话=400-800-1234"
    outage.says("gao.yuan", f"/声明 起草 I1 模板=首次告知 现象=无法登录 影响=暂时不能委托\n{typed}")
    outage.says("li.na", "/事件 事实 发生=13:50")
    outage.says("gao.yuan", "/声明 修改 S1")
    assert outage.says("gao.yuan", "/送审 S1").error is None
    outage.passes(minutes=2)
    agreed = outage.taps("wang.qiang", "同意")
    assert agreed.error is None
    assert outage.says("li.na", "/事件 总结").error is None
    found = {part.title: part for part in sheet(outage, "I1-1").parts}["八、对外声明"]
    digests = outage.database.read(lambda tx: [row.digest for row in tx.exec(select(RevisionRow).order_by(col(RevisionRow.number)))])
    first, second = ([line.text for line in row] for row in found.rows)
    assert first[0] == second[0] == "S1 首次告知"
    assert first[1].startswith(f"第 1 版 SHA-256 {digests[0][:16]}… 高原")
    assert second[1].startswith(f"第 2 版 SHA-256 {digests[1][:16]}… 高原")
    assert (first[2], first[3]) == ("已被下一版取代", "无")
    assert second[2] == "待审"
    assert re.fullmatch(r"A\d+ 王强 已同意 2026年3月10日 14:0\d", second[3]), second[3]
    assert all(row[1].sources for row in found.rows), "each text leads to the trail"
    assert "尚无投诉登记" not in words(content(outage, "I1-1")).text, "what the form does not ask for is not said"


def test_a_form_that_asks_for_a_register_that_is_not_kept_says_so(outage: World, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SAMPLE_PLAN, tmp_path / "plan"))
    text = (folder / "papers.toml").read_text(encoding="utf-8")
    asking = text.replace('table = "statements"', 'table = "complaints"')
    assert asking != text
    (folder / "papers.toml").write_text(asking, encoding="utf-8")
    database = Database(f"sqlite:///{tmp_path / 'asking.db'}")
    try:
        world = make_world(database, plan=folder)
        world.says("li.na", "/事件 上报 类型=系统故障 集中交易中断")
        assert world.says("li.na", "/事件 总结 I1").error is None
        found = {part.title: part for part in sheet(world, "I1-1").parts}["八、对外声明"]
        assert "尚无投诉登记" in found.note
    finally:
        database.close()
