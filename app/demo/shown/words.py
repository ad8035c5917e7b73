"""The demonstration's own words, in the language of whoever watches; the label is always in both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.config.settings import Language

LABEL: Final = "simulated data / 模拟数据"

_EN: Final = {
    "title": "Holdfast demo",
    "clock": "simulated {time}",
    "starting": "starting the worker",
    "past": "day {day} of {days}",
    "live": "live, 10 min a second",
    "ended": "the population has reached the present",
    "events": "events/s",
    "applied": "applied",
    "peak": "peak {peak}",
    "lag": "lag",
    "tiers": "subscribers",
    "high_risk": "high risk",
    "warning": "warning",
    "healthy": "healthy",
    "alerts": "alerts",
    "known": "tier alerts {raised}: {left} of {matured} left within 30 days; {foretold} of {leavers} leavers had one, "
    "{lead_days:.1f} days before; {short} of {recovered} that closed were short",
    "tally": "lost {lost}, twice {twice}",
    "sum": "{told}: {tally}",
    "first": "first alert after {seconds} s",
    "waiting": "Waiting for the first alert ...",
    "story": "story {story}: alert after {seconds} s",
    "running": "story {story}: {seconds} s ...",
    "withheld": "story {story}: withheld ({reason}) after {seconds} s",
    "worker": "worker {pid}",
    "killed": "worker killed (SIGKILL) {seconds} s ago; its session ends after 10 s",
    "reopened": "worker killed: lanes open again after {seconds} s, catching up",
    "caught_up": "killed: lanes open after {reopened} s, caught up after {seconds} s",
    "others": " +{count} more",
    "stories": "tell a story",
    "k": "kill the worker",
    "q": "quit",
    "next": "In another terminal, while this runs:",
    "note_k": "k: the worker is just starting; wait for its lanes to open",
    "note_story": "1-5: the population does not live yet",
    "summary": "{events} simulated events applied, {alerts} alert records; lost {lost}, twice {twice}.",
    "no_quality": "Simulated: no quality of detection may be quoted from it.",
}
_ZH: Final = {
    "title": "Holdfast 演示",
    "clock": "模拟时间 {time}",
    "starting": "正在启动工作进程",
    "past": "{days}天历史：第{day}天",
    "live": "实时运行，每秒10分钟",
    "ended": "模拟人群已到达当前时间",
    "events": "事件/秒",
    "applied": "已处理",
    "peak": "峰值{peak}",
    "lag": "积压",
    "tiers": "用户",
    "high_risk": "高危",
    "warning": "预警",
    "healthy": "健康",
    "alerts": "告警",
    "known": "等级告警{raised}条：已有结果的{matured}条中{left}人30天内离网；{leavers}名离网用户中{foretold}人"
    "事先有告警，平均提前{lead_days:.1f}天；自行恢复的{recovered}条中{short}条持续不超过两天",
    "tally": "丢失 {lost}，重复 {twice}",
    "sum": "{told}：{tally}",
    "first": "首条告警：{seconds}秒",
    "waiting": "等待首条告警……",
    "story": "故事{story}：{seconds}秒后告警",
    "running": "故事{story}：{seconds}秒……",
    "withheld": "故事{story}：{seconds}秒后抑制（{reason}）",
    "worker": "工作进程 {pid}",
    "killed": "{seconds}秒前强制终止工作进程（SIGKILL）；接替进程等待会话超时（10秒）",
    "reopened": "工作进程被终止：{seconds}秒后全部恢复，正在追赶",
    "caught_up": "已终止：{reopened}秒后恢复，{seconds}秒后追平",
    "others": " 另有{count}条",
    "stories": "注入故事",
    "k": "终止工作进程",
    "q": "退出",
    "next": "运行期间，在另一个终端：",
    "note_k": "k：工作进程正在启动，请稍候",
    "note_story": "1-5：模拟人群尚未开始",
    "summary": "已处理{events}条模拟事件，{alerts}条告警记录；丢失 {lost}，重复 {twice}。",
    "no_quality": "模拟数据：不得据此引用任何检测质量指标。",
}
WORDS: Final[Mapping[Language, Mapping[str, str]]] = {"en": _EN, "zh": _ZH}
