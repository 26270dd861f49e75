"""Find the recalls that hide in tasks, and whose they are."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from workbench.dental.recalls import read_recall
from workbench.profile.source import LIVES, as_read, open_snapshot

SPEAKS = (
    r"recall|recare|continuing\s+care|hyg|prophy|cleaning|\brc\b|m(o|os)?\s*rc\b|re-?eval|\bpm\b|perio"
    r"|\bd(1110|1120|4910)\b"
)
"""A first, wide net; dental.recalls decides."""
SCHEMA = {
    "text": pl.String, "is_recall": pl.Boolean, "recall_type": pl.String, "recall_interval": pl.String,
    "recall_due": pl.String, "rule": pl.String,
}  # fmt: skip


def profile_recalls(warehouse: Path) -> pl.DataFrame:
    """Read the distinct task texts that may speak of recall; write profile.recalls, one row a task that does.

    The contact is the task's own, or that of its case or appointment. No text is shown or stored.
    """
    with open_snapshot(warehouse) as store:
        store.run(
            "CREATE OR REPLACE TEMP TABLE texts AS SELECT task_id,"
            " CASE lower(trim(related_object)) WHEN 'contact' THEN t.related_id WHEN 'case' THEN c.contact_id"
            " WHEN 'appointment' THEN a.contact_id END AS contact_id,"
            " concat_ws(' · ', t.subject, t.description) AS text,"
            " coalesce(lower(trim(t.task_type)) = 'recall', false) AS is_recall"
            f" FROM (SELECT * FROM {as_read(store, 'tasks')} WHERE {LIVES}) t"
            f" LEFT JOIN {as_read(store, 'cases')} c ON lower(trim(related_object)) = 'case' AND c.case_id = t.related_id"
            f" LEFT JOIN {as_read(store, 'appointments')} a ON lower(trim(related_object)) = 'appointment'"
            " AND a.appointment_id = t.related_id"
            " WHERE is_recall OR regexp_matches(text, $speaks, 'i')",
            {"speaks": SPEAKS},
        )
        read = []
        for text, is_recall in store.run("SELECT DISTINCT text, is_recall FROM texts"):
            if found := read_recall(text, is_recall=is_recall):
                due = found.due.isoformat() if found.due else None
                read.append((text, is_recall, found.recall_type, found.interval, due, found.rule))
        store.write("profile.recall_texts", pl.DataFrame(read, schema=SCHEMA, orient="row"))
        store.run(
            "CREATE OR REPLACE TABLE profile.recalls AS SELECT task_id, contact_id, recall_type, recall_interval,"
            " recall_due, rule FROM texts JOIN profile.recall_texts USING (text, is_recall) ORDER BY task_id"
        )
        store.run("DROP TABLE texts")
        store.run("DROP TABLE profile.recall_texts")
        return store.frame("SELECT * FROM profile.recalls ORDER BY task_id")


def count_recalls(recalls: pl.DataFrame) -> pl.DataFrame:
    """Count the tasks by type and interval, most used first."""
    return (
        recalls.with_columns(pl.col("recall_type", "recall_interval").fill_null("not said"))
        .group_by("recall_type", "recall_interval")
        .agg(pl.len().cast(pl.Int64).alias("tasks"))
        .sort("tasks", "recall_type", "recall_interval", descending=[True, False, False])
    )


def count_recall_rules(recalls: pl.DataFrame) -> pl.DataFrame:
    """Count the tasks by the rules that read interval and due date, most used first; the type would tell of health."""
    how = pl.col("rule").str.replace(r"^type: [^;]*(?:; )?", "").replace("", "neither")
    return (
        recalls.group_by(how.alias("rule"))
        .agg(pl.len().cast(pl.Int64).alias("tasks"), pl.col("recall_due").count().cast(pl.Int64).alias("with_due_date"))
        .sort("tasks", "rule", descending=[True, False])
    )
