"""From plans to the JSON that Grafana reads.

Plans name metrics in full; here the prefix becomes a variable, as are the data source and the runbooks' address.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardLinkType, DataSourceRef

from app.generate.dashboards.model import MODEL
from app.generate.dashboards.operations import OPERATIONS
from app.generate.dashboards.pipeline import PIPELINE
from app.generate.dashboards.plan import DashboardPlan, PanelPlan
from app.process.series import NAMESPACE

DIRECTORY: Final = Path(__file__).parents[3] / "deploy" / "grafana"
DASHBOARDS: Final = (OPERATIONS, PIPELINE, MODEL)
PREFIX: Final = "${prefix}"
RUNBOOKS: Final = "https://runbooks.example.com/holdfast"
LEFT_OUT: Final[dict[str, str]] = {
    "holdfast_process_virtual_memory_bytes": "address space: resident memory is what runs out",
}
"""Metrics that are on no panel, and why."""
_SOURCE: Final = DataSourceRef("prometheus", "${datasource}")
_COLUMNS: Final = 24
_STAT_HEIGHT, _GRAPH_HEIGHT = 4, 8


def _query(number: int, legend: str, expression: str) -> prometheus.Dataquery:
    written = expression.replace(f"{NAMESPACE}_", f"{PREFIX}_")
    return prometheus.Dataquery().ref_id(chr(ord("A") + number)).expr(written).legend_format(legend or "__auto")


def _link(title: str, url: str) -> dashboard.DashboardLink:
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)


def _panel(plan: PanelPlan, panel: stat.Panel | timeseries.Panel, number: int) -> stat.Panel | timeseries.Panel:
    return (
        panel.id(number)
        .title(plan.title)
        .description(f"Good: {plan.good}")
        .datasource(_SOURCE)
        .unit(plan.unit)
        .targets([_query(n, *each) for n, each in enumerate(plan.queries.items())])
        .links([_link(f"Runbook: {name}", f"${{runbooks}}/Holdfast{name}.md") for name in plan.alerts])
    )


def built(plan: DashboardPlan) -> dashboard.Dashboard:
    """The dashboard of a plan, with numbers of panels that stay as long as the plan does."""
    new_model = f"count by (version) ({PREFIX}_model_info) unless count by (version) ({PREFIX}_model_info offset 1m)"
    made = (
        dashboard.Dashboard(f"Holdfast / {plan.title}")
        .uid(f"holdfast-{plan.title.lower()}")
        .tags(["holdfast"])
        .time("now-6h", "now")
        .refresh("30s")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(dashboard.TextBoxVariable("prefix").label("Prefix of metrics").default_value(NAMESPACE))
        .with_variable(dashboard.ConstantVariable("runbooks").value(RUNBOOKS))
        .annotation(
            dashboard.AnnotationQuery()
            .name("New model")
            .datasource(_SOURCE)
            .enable(True)
            .icon_color("blue")
            .expr(new_model)
        )
        .link(
            dashboard.DashboardLink("Holdfast")
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["holdfast"])
            .keep_time(True)
            .include_vars(True)
        )
        .link(_link("Runbooks", "${runbooks}"))
    )
    numbers = count(1)
    for each in plan.stats:
        figure = stat.Panel().span(_COLUMNS // len(plan.stats)).height(_STAT_HEIGHT)
        made.with_panel(_panel(each, figure, next(numbers)))
    for title, panels in plan.rows.items():
        made.with_row(dashboard.Row(title))
        for each in panels:
            graph = timeseries.Panel().span(_COLUMNS // 3).height(_GRAPH_HEIGHT)
            made.with_panel(_panel(each, graph, next(numbers)))
    return made


def rendered() -> dict[str, str]:
    """The text of each file, by its name."""
    return {
        f"{plan.title.lower()}.json": json.dumps(built(plan).build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for plan in DASHBOARDS
    }
