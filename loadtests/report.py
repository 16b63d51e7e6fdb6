"""The report of a rehearsal as one HTML file that needs nothing else: verdict, figures, charts, findings."""

from collections.abc import Sequence
from html import escape
from itertools import accumulate

from .charts import Series, lines, stacked_bars
from .figures import Latency, Result, Tally, latency, percentile
from .judge import Finding, Judgement
from .plan import Plan

FINDINGS_SHOWN = 200

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
body { max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; }
.verdict { padding: .8rem 1rem; border-radius: .4rem; color: #fff; font-weight: 600; }
.sound { background: #1d6b45; } .unsound { background: #a32135; } .warning { background: #8a5a00; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; }
td, th { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8884; } td { text-align: right; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
.grid { stroke: #8883; } .ceiling { stroke: currentColor; stroke-dasharray: 6 4; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; font-size: .85rem; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; border-radius: 2px; }
"""


def render(plan: Plan, result: Result, counted: Tally, judgement: Judgement, warnings: Sequence[str]) -> str:
    """The whole page."""
    title = f"{plan.title} · {plan.scenario}"
    parts = (
        f"<h1>{escape(plan.title)}</h1><p>演练报告 · rehearsal <code>{escape(plan.scenario)}</code></p>",
        _verdict(judgement),
        *(f'<p class="verdict warning">{escape(warning)}</p>' for warning in warnings),
        _figures(result, counted),
        _sold(counted, result.stock),
        _latency(counted),
        _refusals(counted),
        _findings(judgement.findings),
    )
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _verdict(judgement: Judgement) -> str:
    if judgement.sound:
        text = "通过：没有超卖、超限、丢失或重复 · Passed: nothing oversold, over a limit, lost or doubled."
        return f'<p class="verdict sound">{text}</p>'
    text = f"未通过：{len(judgement.findings)} 处问题 · Failed: {len(judgement.findings)} findings, listed below."
    return f'<p class="verdict unsound">{text}</p>'


def _figures(result: Result, counted: Tally) -> str:
    sell_out = "—" if result.seconds_to_sell_out is None else f"{result.seconds_to_sell_out:,.1f} s"
    rows = (
        ("票额 · tickets on sale", f"{result.stock:,}"),
        ("已售出 · sold", f"{result.sold:,}"),
        ("售罄用时 · opening to last ticket", sell_out),
        ("到场会员卡 · cards that came", f"{result.cards:,}"),
        ("同时在线 · at the same time", f"{result.users:,}"),
        ("请求 · requests", f"{result.requests:,} ({result.requests_per_second:,.0f}/s)"),
        ("占票 · holds granted", f"{len(counted.granted):,} ({result.holds_per_second:,.0f}/s)"),
        ("重复请求得到原答复 · repeats given the first answer", f"{counted.replays:,}"),
        ("挂断后重试 · hung up on purpose, then repeated", f"{counted.hung_up:,}"),
        ("错误 · errors", f"{result.errors:,}"),
        ("超卖 · oversold tickets", f"{result.oversold:,}"),
        ("超限 · tickets over a card's limit", f"{result.over_limit:,}"),
        ("丢失 · lost orders", f"{result.lost_orders:,}"),
        ("重复 · doubled orders", f"{result.duplicate_orders:,}"),
        (
            "入库订单 · orders in SQL",
            f"{result.drained_orders:,}, {result.drain_seconds:,.1f} s after the crowd left",
        ),
        *((f"拒绝 · refused: {code}", f"{count:,}") for code, count in result.refused.items()),
    )
    return f"<h2>数字 · Figures</h2>{_table(rows)}"


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = (f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{''.join(cells)}</table>"


def _sold(counted: Tally, stock: int) -> str:
    seconds = _all_seconds(counted)
    sold = accumulate(counted.seconds[second].sold for second in seconds)
    points = [(float(second + 1), float(total)) for second, total in zip(seconds, sold, strict=True)]
    chart = lines([Series("tickets sold", points)], "tickets", ("stock", stock))
    return f"<h2>售出曲线 · Sold over time</h2>{chart}"


def _latency(counted: Tally) -> str:
    seconds = [second for second in _all_seconds(counted) if counted.seconds[second].latencies]
    ordered = {second: sorted(counted.seconds[second].latencies) for second in seconds}
    series = [
        Series(name, [(float(second), percentile(ordered[second], share)) for second in seconds])
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    ]
    verbs = [(verb, latency(values)) for verb, values in counted.latencies.items()]
    table = _table([(verb, _milliseconds(values)) for verb, values in verbs])
    return f"<h2>响应时间 · Latency</h2>{lines(series, 'ms')}{table}"


def _milliseconds(values: Latency) -> str:
    return f"p50 {values.p50:,.1f} · p95 {values.p95:,.1f} · p99 {values.p99:,.1f} · max {values.max:,.1f} ms"


def _refusals(counted: Tally) -> str:
    seconds = _all_seconds(counted)
    series = [
        Series(code, [(float(second), float(counted.seconds[second].refused[code])) for second in seconds])
        for code, _ in counted.refused.most_common()
    ]
    return f"<h2>每秒拒绝 · Refusals each second</h2>{stacked_bars(series, 'refusals')}"


def _findings(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    shown = "".join(f"<li>{escape(f'{each.kind}: {each.text}')}</li>" for each in findings[:FINDINGS_SHOWN])
    more = f"<p>… {len(findings) - FINDINGS_SHOWN:,} more</p>" if len(findings) > FINDINGS_SHOWN else ""
    return f"<h2>问题 · Findings</h2><ul>{shown}</ul>{more}"


def _all_seconds(counted: Tally) -> range:
    return range(min(counted.seconds, default=0), max(counted.seconds, default=0) + 1)
