"""The dashboard *Operations*: alerts, suppressions, and their outcomes."""

from __future__ import annotations

from typing import Final

from app.generate.dashboards.plan import WORKER, DashboardPlan, PanelPlan, hourly, quantiles, total

IN_A_SECOND: Final = 'holdfast_event_to_alert_seconds_bucket{le="1.0"}'
OPERATIONS: Final = DashboardPlan(
    "Operations",
    stats=(
        PanelPlan(
            "Alerts raised, 24 h",
            "What the front line expects; 0 while events flow is a fault.",
            {"": total('holdfast_alerts_total{event="raised"}', window="1d", function="increase")},
            alerts=("AlertsSilent",),
        ),
        PanelPlan(
            "Tier alerts a day per 1,000",
            "At or below the policy's budget. Over a week, since a lane may save that much.",
            {
                "raised": "sum(increase(holdfast_alerts_total{kind='risk_tier', event='raised'}[7d])) / 7"
                " / (sum(holdfast_subscribers) / 1000)",
                "budget": "max(holdfast_tier_alert_budget)",
            },
            alerts=("TierAlertsOverBudget", "TierAlertsUnderBudget"),
        ),
        PanelPlan(
            "Suppressed, of all breaches, 24 h",
            "Steady from day to day.",
            {
                "": f"{total('holdfast_suppressions_total', window='1d', function='increase')}"
                f" / {total('holdfast_breaches_total', window='1d', function='increase')}"
            },
            "percentunit",
            ("SuppressionsJumped",),
        ),
        PanelPlan(
            "Alerts later than 1 s, 1 h",
            "Below 1 %: the objective. High while months of history are replayed.",
            {
                "": f"1 - {total(IN_A_SECOND, window='1h')}"
                f" / {total('holdfast_event_to_alert_seconds_count', window='1h')}"
            },
            "percentunit",
            ("AlertLatency",),
        ),
        PanelPlan(
            "Events/s",
            "The rhythm of the day; never 0.",
            {"": total("holdfast_events_total")},
            alerts=("EventsStopped",),
        ),
        PanelPlan(
            "Since the last commit",
            "A second or two while events come.",
            {"": f"time() - max(holdfast_last_progress_timestamp_seconds{WORKER})"},
            "s",
            ("NoWorker", "TransactionStuck"),
        ),
    ),
    rows={
        "Alerts": (
            PanelPlan(
                "Raised by kind, an hour",
                "No kind that jumps or falls silent.",
                {"{{kind}}": hourly('holdfast_alerts_total{event="raised"}', "kind")},
                alerts=("AlertsSilent",),
            ),
            PanelPlan(
                "Published by step, an hour",
                "As many closed as raised, in the long run.",
                {"{{event}}": hourly("holdfast_alerts_total", "event")},
            ),
            PanelPlan(
                "Raised by tier of the subscriber, an hour",
                "Tier alerts come from high risk alone, once a day.",
                {"{{kind}} {{tier}}": hourly('holdfast_alerts_total{event="raised"}', "kind", "tier")},
                alerts=("TierAlertsOverBudget",),
            ),
            PanelPlan(
                "From event to alert",
                "p99 below a second.",
                quantiles("holdfast_event_to_alert_seconds", 0.5, 0.95, 0.99),
                "s",
                ("AlertLatency",),
            ),
            PanelPlan(
                "Breaches by kind, an hour",
                "Each is raised, suppressed or waiting.",
                {"{{kind}}": hourly("holdfast_breaches_total", "kind")},
            ),
            PanelPlan(
                "Signs of corporate lines, a day",
                "A few; hundreds after a bill run are the tariff's, and `accounts.bill_fall` is too small.",
                {"{{sign}}": total("holdfast_account_signs_total", "sign", window="1d", function="increase")},
            ),
            PanelPlan(
                "Suppressed by reason, an hour",
                "`low_priority` after midnight; `no_profile` near 0, or keys are in the wrong partition.",
                {"{{reason}}": hourly("holdfast_suppressions_total", "reason")},
                alerts=("SuppressionsJumped",),
            ),
        ),
        "Work orders": (
            PanelPlan(
                "Waiting for a free hand, by unit",
                "Back down within a day; what waits for days is suppressed as `capacity`.",
                {"{{unit}}": "sum by (unit) (holdfast_waiting)"},
                alerts=("WaitingGrowing",),
            ),
            PanelPlan(
                "Steps of work orders, an hour",
                "`contacted` follows `dispatched`; few `escalated` and `returned`.",
                {"{{step}}": hourly("holdfast_work_orders_total", "step")},
                alerts=("OrdersEscalated",),
            ),
            PanelPlan(
                "Contacts of today, of the capacity, by unit",
                "Rises to 1 over the day; past it only by what could not wait.",
                {"{{unit}}": "max by (unit) (holdfast_unit_contacts) / max by (unit) (holdfast_unit_capacity)"},
                "percentunit",
            ),
            PanelPlan(
                "Saves of today, of the target, by unit",
                "Rises to 1 over the day. As reported; whether the customer stayed is known a month later.",
                {"{{unit}}": "max by (unit) (holdfast_unit_saves) / max by (unit) (holdfast_unit_target)"},
                "percentunit",
            ),
        ),
        "What became of them": (
            PanelPlan(
                "Contacted and still in service, by unit",
                "Level, or rising; known a month after the contact.",
                {"{{unit}}": "max by (unit) (holdfast_retention_success_ratio)"},
                "percentunit",
            ),
            PanelPlan(
                "Contacted and still in service, by play, 30 d",
                "Compare plays for the same cause only: some are for those who have all but left.",
                {
                    "{{strategy}}": total(
                        "holdfast_contacts_settled_total{result='stayed'}",
                        "strategy",
                        window="30d",
                        function="increase",
                    )
                    + " / "
                    + total("holdfast_contacts_settled_total", "strategy", window="30d", function="increase")
                },
                "percentunit",
            ),
            PanelPlan(
                "Why they left, 30 d",
                "Steady; `unknown` and `other` small, or the policy's `leave_words` miss what sources write.",
                {"{{reason}}": total("holdfast_leave_reasons_total", "reason", window="30d", function="increase")},
            ),
            PanelPlan(
                "Destination of leavers, 30 d",
                "Steady; a jump is an offer of that operator.",
                {"{{to}}": total("holdfast_leave_reasons_total", "to", window="30d", function="increase")},
            ),
            PanelPlan(
                "Moved inside, 7 d: subscribers, and monthly revenue",
                "No churn, but revenue: small beside what leavers paid.",
                {
                    "subscribers": total("holdfast_migrations_total", window="7d", function="increase"),
                    "revenue": total("holdfast_migrated_revenue_total", window="7d", function="increase"),
                },
            ),
            PanelPlan(
                "Subscribers by tier",
                "High risk about 2 %, warning about 8 %.",
                {"{{tier}}": "sum by (tier) (holdfast_subscribers)"},
            ),
            PanelPlan(
                "Right and wrong by kind, 7 d",
                "`positive` left within the horizon. A month behind by nature.",
                {
                    "{{kind}} {{label}}": total(
                        "holdfast_alerts_matured_total", "kind", "label", window="7d", function="increase"
                    )
                },
            ),
            PanelPlan(
                "Leavers by the alert before, 7 d",
                "Few of `none`.",
                {"{{alert}}": total("holdfast_leavers_total", "alert", window="7d", function="increase")},
            ),
            PanelPlan(
                "From the first tier alert to the leaving, 7 d",
                "Days, not hours.",
                quantiles("holdfast_alert_lead_seconds", 0.25, 0.5, 0.75, window="7d"),
                "s",
            ),
            PanelPlan(
                "Tier episodes that closed by themselves, 7 d",
                "Few `short` ones: two days or less is noise.",
                {
                    "{{length}}": total(
                        "holdfast_tier_episodes_recovered_total", "length", window="7d", function="increase"
                    )
                },
            ),
            PanelPlan(
                "Feedback for unknown alerts, outcomes ignored, erasures, an hour",
                "Feedback for unknown alerts near 0.",
                {
                    "unknown feedback": hourly("holdfast_unknown_feedback_total"),
                    "outcome {{why}}": hourly("holdfast_outcomes_ignored_total", "why"),
                    "erasures": hourly("holdfast_receipts_total"),
                },
            ),
            PanelPlan(
                "Profiles without a consent of their own, an hour",
                "As the source fills its fields; a jump means that it stopped.",
                {"{{use}}": hourly("holdfast_consent_absent_total", "use")},
            ),
        ),
        "Relay": (
            PanelPlan(
                "Delivered by endpoint, an hour",
                "As many as were published, for who wants all of them.",
                {"{{endpoint}}": hourly("holdfast_relay_delivered_total", "endpoint")},
                alerts=("RelayAway",),
            ),
            PanelPlan(
                "The longest that an alert has waited, by endpoint",
                "0; for chat and mail up to a minute.",
                {"{{endpoint}}": "max by (endpoint) (holdfast_relay_lag_seconds)"},
                "s",
                ("RelayStuck",),
            ),
            PanelPlan(
                "Alerts behind by endpoint",
                "0, or a moment's.",
                {"{{endpoint}}": "sum by (endpoint) (holdfast_relay_lag_records)"},
                alerts=("RelayStuck",),
            ),
            PanelPlan(
                "Failed attempts by endpoint and reason, an hour",
                "None, or a handful when an endpoint restarts.",
                {"{{endpoint}} {{reason}}": hourly("holdfast_relay_failed_attempts_total", "endpoint", "reason")},
                alerts=("RelayStuck",),
            ),
            PanelPlan(
                "Parked, missed, past contact_by, an hour",
                "None parked or missed; few past their contact_by.",
                {
                    "{{endpoint}} parked: {{reason}}": hourly("holdfast_relay_parked_total", "endpoint", "reason"),
                    "{{endpoint}} missed": hourly("holdfast_relay_missed_total", "endpoint"),
                    "{{endpoint}} past contact_by": hourly("holdfast_relay_past_contact_by_total", "endpoint"),
                },
                alerts=("RelayParks",),
            ),
            PanelPlan(
                "Digests, and alerts that filters left out, an hour",
                "As the filters of each endpoint say.",
                {
                    "{{endpoint}} digests": hourly("holdfast_relay_digests_total", "endpoint"),
                    "{{endpoint}} left out": hourly("holdfast_relay_left_out_total", "endpoint"),
                },
            ),
            PanelPlan(
                "From an alert to its acceptance by an endpoint",
                "Well below a second.",
                quantiles("holdfast_relay_delay_seconds", 0.5, 0.99, window="1h"),
                "s",
            ),
        ),
    },
)
