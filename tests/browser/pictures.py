"""The pictures of the console in docs/guide, taken from the real bot: `python -m tests.browser.pictures`."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser

from handlers.core.wording import Locale
from tests.browser.chromium import a_browser
from tests.browser.live import Person, on_watch

FOLDER = Path(__file__).parents[2] / "docs" / "guide"
#: The documentation is cloned by everybody: a picture larger than this is refused.
MOST_BYTES = 300_000
STORIES: dict[Locale, Sequence[tuple[str, str]]] = {
    "zh": (
        ("sun.jie", "/事件 上报 集中交易系统中断 类型=系统故障 系统=集中交易 地点=上海机房"),
        ("li.na", "/定级 I1 证监会=较大 网信=一般 平台=6 媒体=地方媒体 阅读=120万 热榜=前50 首帖=2 增速=0.5 负面=35% 投诉=8"),
        ("sun.jie", "/事件 启动 I1"),
        ("zhou.heng", "/同意 A1"),
        ("wang.qiang", "/认领 T6"),
        ("wang.qiang", "/完成 T6 定位在柜台前置机,可切换"),
        ("li.na", "/事件 进展 I1 已定位到柜台前置机,正在切换备用系统"),
    ),
    "en": (
        ("sun.jie", "/incident open trading system down type=system_failure system=central-trading place=Shanghai"),
        (
            "li.na",
            "/incident grade I1 csrc_grade=larger cac_grade=general platforms=6 media_tier=local reads_24h=1200000 "
            "hot_list=national_top50 hours_since_first=2 growth_1h=0.5 negative_share=35% complaints_1h=8",
        ),
        ("sun.jie", "/incident activate I1"),
        ("zhou.heng", "/approve A1"),
        ("wang.qiang", "/task claim T6"),
        ("wang.qiang", "/task done T6 the front server fails; switching is possible"),
        ("li.na", "/incident update I1 located in the front server, switching to the backup"),
    ),
}


def main() -> None:
    with a_browser() as browser:
        for locale, story in STORIES.items():
            with tempfile.TemporaryDirectory() as folder:
                take(browser, Path(folder), locale, story)


def take(browser: Browser, folder: Path, locale: Locale, story: Sequence[tuple[str, str]]) -> None:
    """Play the story and keep what the commander sees in the incident's chat."""
    with on_watch(folder, locale) as live:
        context = browser.new_context(base_url=live.url, viewport={"width": 1280, "height": 1060}, color_scheme="light")
        page = context.new_page()
        page.goto("/console?as=li.na")
        for person, text in story:
            with Person(live.url, person) as speaking:
                answer = speaking.says(text)
                if answer["error"]:
                    raise SystemExit(f"{locale}: {text}: {answer['text']}")
            time.sleep(1.5)  # the bot has its say before the next one speaks
            live.clock.push(seconds=75)
        page.locator(".room:has(.of-incident)").click()
        page.wait_for_timeout(1500)
        page.locator("#scroll").evaluate("(node) => { node.scrollTop = 0; }")
        page.locator(".bar").hover()
        page.wait_for_timeout(500)
        shot = page.screenshot()
        context.close()
    if len(shot) > MOST_BYTES:
        raise SystemExit(f"{locale}: the picture has {len(shot)} bytes, more than {MOST_BYTES}")
    (FOLDER / f"console.{locale}.png").write_bytes(shot)


if __name__ == "__main__":
    main()
