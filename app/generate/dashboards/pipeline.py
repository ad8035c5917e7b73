"""The dashboard *Pipeline*: events, lag, transactions, state, processes."""

from __future__ import annotations

from typing import Final

from app.generate.dashboards.plan import WORKER, DashboardPlan, PanelPlan, hourly, quantiles, since, total

PIPELINE: Final = DashboardPlan(
    "Pipeline",
    stats=(
        PanelPlan(
            "Events/s", "The rhythm of the day.", {"": total("holdfast_events_total")}, alerts=("EventsStopped",)
        ),
        PanelPlan(
            "Lag", "Below a second or two.", {"": "max(holdfast_lag_seconds)"}, "s", ("LagGrowing", "WatermarkStanding")
        ),
        PanelPlan(
            "Lanes open",
            "As many as there are partitions.",
            {"": "sum(holdfast_lanes_open)"},
            alerts=("LanesUnserved", "NoWorker"),
        ),
        PanelPlan(
            "Still to restore",
            "0; falls steadily after a start.",
            {"": "sum(holdfast_restore_remaining_records)"},
            alerts=("RestoreSlow",),
        ),
        PanelPlan(
            "Dead letters, of all records, 1 h",
            "Below 0.1 %.",
            {
                "": f"{total('holdfast_dead_letters_total', window='1h')}"
                f" / ({total('holdfast_dead_letters_total', window='1h')}"
                f" + {total('holdfast_events_total', window='1h')})"
            },
            "percentunit",
            ("DeadLetters", "PoisonFlood"),
        ),
        PanelPlan(
            "Transaction, p99",
            "Well below a second.",
            quantiles("holdfast_transaction_seconds", 0.99),
            "s",
            ("TransactionStuck",),
        ),
    ),
    rows={
        "Events": (
            PanelPlan(
                "Events/s by topic", "No topic that stops.", {"{{topic}}": total("holdfast_events_total", "topic")}
            ),
            PanelPlan(
                "Lag by topic",
                "Below a second or two; a lane waits for its slowest topic.",
                {"{{topic}}": "max by (topic) (holdfast_lag_seconds)"},
                "s",
                ("LagGrowing",),
            ),
            PanelPlan(
                "Records behind by lane",
                "Even, and back to 0 within seconds.",
                {"lane {{partition}}": "sum by (partition) (holdfast_lag_records)"},
                alerts=("LagGrowing", "WatermarkStanding"),
            ),
            PanelPlan(
                "Event time behind the clock, by lane",
                "Seconds; a partition without events stands still.",
                {"lane {{partition}}": since("holdfast_watermark_timestamp_seconds", "partition")},
                "s",
                ("WatermarkStanding",),
            ),
            PanelPlan(
                "Dead letters/s by reason",
                "None of most.",
                {"{{reason}}": total("holdfast_dead_letters_total", "reason")},
                alerts=("DeadLetters", "PoisonFlood"),
            ),
            PanelPlan(
                "Late, twice, ignored, misplaced, a second",
                "Misplaced 0: anything else is a producer with another partitioner.",
                {
                    "late": total("holdfast_late_events_total"),
                    "duplicate": total("holdfast_duplicates_total"),
                    "older than an erasure": total("holdfast_ignored_events_total"),
                    "misplaced key": total("holdfast_misplaced_keys_total"),
                },
            ),
        ),
        "Lanes": (
            PanelPlan("A batch's work", "p99 below a second.", quantiles("holdfast_batch_seconds", 0.5, 0.99), "s"),
            PanelPlan(
                "A transaction",
                "p99 well below a second.",
                quantiles("holdfast_transaction_seconds", 0.5, 0.99),
                "s",
                ("TransactionStuck",),
            ),
            PanelPlan(
                "Since the last commit, by worker",
                "Seconds while events come.",
                {"{{instance}}": since(f"holdfast_last_progress_timestamp_seconds{WORKER}", "instance")},
                "s",
                ("TransactionStuck",),
            ),
            PanelPlan(
                "Lanes by worker",
                "Shared evenly.",
                {"{{instance}}": "sum by (instance) (holdfast_lanes_open)"},
                alerts=("LanesUnserved",),
            ),
            PanelPlan("Subscribers in memory", "Grows with the operator.", {"rows": "sum(holdfast_state_rows)"}),
            PanelPlan(
                "Their memory by part",
                "Grows with the rows.",
                {"{{part}}": "sum by (part) (holdfast_state_bytes)"},
                "bytes",
            ),
            PanelPlan("Scores published/s", "A wave after midnight.", {"scores": total("holdfast_scores_total")}),
        ),
        "Desk": (
            PanelPlan(
                "Desk by worker",
                "1 at one of them, 0 elsewhere.",
                {"{{instance}}": "max by (instance) (holdfast_desk_open)"},
                alerts=("DeskAway",),
            ),
            PanelPlan(
                "Records that the desk has not decided on",
                "Back to 0 within seconds.",
                {"records": "sum(holdfast_desk_lag_records)"},
                alerts=("DeskLagGrowing",),
            ),
            PanelPlan(
                "The desk's time behind the clock",
                "About a quarter of an hour while events come.",
                {"desk": "time() - max(holdfast_desk_time_timestamp_seconds)"},
                "s",
                ("WaitingGrowing",),
            ),
            PanelPlan(
                "Lanes that its time waits for",
                "At most as many as there are lanes; one that falls silent is excluded after a while.",
                {"lanes": "sum(holdfast_desk_held_up_by)"},
            ),
            PanelPlan(
                "Steps of breaches that it does not know, an hour",
                "None.",
                {"unknown": hourly("holdfast_unknown_breaches_total")},
            ),
        ),
        "Processes": (
            PanelPlan(
                "CPU",
                "Below a core each: a worker is one thread of work.",
                {"{{job}} {{instance}}": "rate(holdfast_process_cpu_seconds_total[$__rate_interval])"},
                alerts=("LagGrowing",),
            ),
            PanelPlan(
                "Resident memory",
                "Level once all subscribers were seen.",
                {"{{job}} {{instance}}": "holdfast_process_resident_memory_bytes"},
                "bytes",
            ),
            PanelPlan(
                "Open files, of the allowed",
                "Far below 1.",
                {"{{job}} {{instance}}": "holdfast_process_open_fds / holdfast_process_max_fds"},
                "percentunit",
            ),
            PanelPlan(
                "Ready",
                "1 each.",
                {"{{job}} {{instance}}": "holdfast_ready"},
                alerts=("WorkerNotReady",),
            ),
            PanelPlan(
                "Up since",
                "Days. A saw is a worker that keeps ending.",
                {"{{job}} {{instance}}": "time() - holdfast_process_start_time_seconds"},
                "s",
                ("NoWorker", "TransactionStuck"),
            ),
        ),
    },
)
