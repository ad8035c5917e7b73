"""The dashboard *Model*: the served model and its quality, the learner, and the nightly segments."""

from __future__ import annotations

from typing import Final

from app.generate.dashboards.plan import LEARNER, WORKER, DashboardPlan, PanelPlan, hourly, quantiles, since, total

MODEL: Final = DashboardPlan(
    "Model",
    stats=(
        PanelPlan(
            "Versions served",
            "1; 2 for seconds while workers switch.",
            {"": "count(count by (version) (holdfast_model_info))"},
        ),
        PanelPlan("AUC", "As usual for this operator.", {"": f"max(holdfast_model_roc_auc{LEARNER})"}),
        PanelPlan("Lift in the top tenth", "Well above 1.", {"": f"max(holdfast_model_lift_top_decile{LEARNER})"}),
        PanelPlan(
            "Calibration error",
            "Below the base rate.",
            {"": f"max(holdfast_model_calibration_error{LEARNER})"},
            "percentunit",
            ("CalibrationOff",),
        ),
        PanelPlan("Guard", "0; at 1 nothing is learned.", {"": "max(holdfast_model_guard)"}, alerts=("ModelDrift",)),
        PanelPlan(
            "Examples behind",
            "Back to 0 within minutes.",
            {"": "sum(holdfast_learner_lag_records)"},
            alerts=("LearnerAway",),
        ),
    ),
    rows={
        "Quality of what was served": (
            PanelPlan(
                "AUC, served and of the prior alone",
                "Served at or above the prior.",
                {"{{of}}": "max by (of) (holdfast_model_roc_auc_of)"},
                alerts=("ModelDrift",),
            ),
            PanelPlan(
                "PR-AUC and log loss",
                "PR-AUC above the base rate.",
                {"PR-AUC": "max(holdfast_model_pr_auc)", "log loss": "max(holdfast_model_log_loss)"},
            ),
            PanelPlan(
                "Calibration error and base rate",
                "The error below the rate.",
                {
                    "error": f"max(holdfast_model_calibration_error{LEARNER})",
                    "base rate": "max(holdfast_model_base_rate)",
                },
                "percentunit",
                ("CalibrationOff",),
            ),
            PanelPlan(
                "As the workers last read them: AUC and lift",
                "The learner's figures; behind by one report.",
                {
                    "AUC": f"max(holdfast_model_roc_auc{WORKER})",
                    "lift": f"max(holdfast_model_lift_top_decile{WORKER})",
                },
            ),
            PanelPlan(
                "Uplift of contact, with its interval",
                "`low` above 0. Unknown until the policy has a hold-out.",
                {"{{bound}}": "max by (bound) (holdfast_model_uplift)"},
                "percentunit",
            ),
            PanelPlan(
                "Days from first alert to leaving, median",
                "Days, not hours.",
                {"days": "max(holdfast_model_lead_days_median)"},
                "d",
            ),
        ),
        "Drift": (
            PanelPlan(
                "Guards",
                "All 0.",
                {"{{guard}}": "max by (guard) (holdfast_model_guard)"},
                alerts=("ModelDrift",),
            ),
            PanelPlan(
                "Bet that the prior is better",
                "About 1; at 200 the learned model is withdrawn.",
                {"stake": "max(holdfast_model_bet_against)"},
                alerts=("ModelDrift",),
            ),
            PanelPlan(
                "Share learned",
                "Rises to 1 as leavers become known.",
                {"share": "max(holdfast_model_share_learned)"},
                "percentunit",
            ),
        ),
        "Versions": (
            PanelPlan(
                "Workers by version", "One version.", {"{{version}}": "count by (version) (holdfast_model_info)"}
            ),
            PanelPlan(
                "Published and rolled back, 7 d",
                "One `weekly` a week.",
                {
                    "{{step}}": total("holdfast_models_published_total", "step", window="7d", function="increase"),
                    "rolled back": total("holdfast_models_rolled_back_total", window="7d", function="increase"),
                },
                alerts=("ModelStale",),
            ),
            PanelPlan(
                "Models refused by workers, an hour",
                "None.",
                {"{{reason}}": hourly("holdfast_models_refused_total", "reason")},
            ),
            PanelPlan(
                "Workers by policy",
                "One version; two for seconds after `policy apply`.",
                {"{{version}}": "count by (version) (holdfast_policy_info)"},
            ),
            PanelPlan(
                "Policies refused by workers, an hour",
                "None.",
                {"{{reason}}": hourly("holdfast_policies_refused_total", "reason")},
            ),
        ),
        "Labels and the learner": (
            PanelPlan(
                "Labels of the workers, an hour",
                "Positive by about the base rate.",
                {"{{label}}": hourly("holdfast_model_examples_total", "label")},
            ),
            PanelPlan(
                "From prediction to label",
                "30 days for those who stay.",
                quantiles("holdfast_label_delay_seconds", 0.5, 0.9, window="7d"),
                "s",
            ),
            PanelPlan(
                "What the learner made of them, an hour",
                "`learned` and `measured`; `foreign`, `not_finite` and `contradictory` near 0.",
                {
                    "{{lesson}}": hourly("holdfast_learner_examples_total", "lesson"),
                    "unreadable": hourly("holdfast_learner_unreadable_examples_total"),
                },
                alerts=("ModelStale", "ModelDrift"),
            ),
            PanelPlan("Labels learned", "Grows.", {"labels": "max(holdfast_learner_labels)"}, alerts=("ModelStale",)),
            PanelPlan(
                "A checkpoint", "p99 below a second.", quantiles("holdfast_learner_commit_seconds", 0.5, 0.99), "s"
            ),
            PanelPlan(
                "Since the last commit and the last label",
                "A commit within minutes while examples come; labels follow the clock.",
                {
                    "commit": since(f"holdfast_last_progress_timestamp_seconds{LEARNER}"),
                    "label": since("holdfast_learner_watermark_timestamp_seconds"),
                },
                "s",
                ("LearnerAway",),
            ),
        ),
        "Segments of the night": (
            PanelPlan(
                "Groups and their customers",
                "A few groups.",
                {"groups": "max(holdfast_segments)", "customers": "max(holdfast_segments_customers)"},
            ),
            PanelPlan(
                "Nights by what became of them, 7 d",
                "`made`, after the first month.",
                {"{{reason}}": total("holdfast_segments_nights_total", "reason", window="7d", function="increase")},
            ),
            PanelPlan(
                "What a night took, and how long ago it was",
                "Seconds of work, a day ago at most.",
                {
                    **quantiles("holdfast_segments_seconds", 0.99, window="7d"),
                    "ago": since("holdfast_segments_watermark_timestamp_seconds"),
                },
                "s",
            ),
        ),
    },
)
