"""People's verdicts, the score that counts, and columns to ask for calls by. Frozen: change the
schema in a new file, never here."""

from __future__ import annotations

import json
import zlib
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_AT_ONCE = 500  # calls
_NEVER = "1970-01-01 00:00:00.000000"
_DOUBT = {"minor": 1.0, "major": 3.0, "critical": 20.0}


def upgrade() -> None:
    _add_to_results()
    _add_to_findings()
    _fill(op.get_bind())
    results, findings = "results", "findings"
    op.create_index("ix_results_team_started_at", results, ["team", "started_at"])
    op.create_index("ix_results_queue_started_at", results, ["queue", "started_at"])
    order: list[str | sa.TextClause] = ["settled_review", sa.text("risk DESC"), "call_id"]
    op.create_index("ix_results_review_queue", results, order)
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("ix_results_code_points", results, [sa.text('call_id COLLATE "C"')])
    op.create_index("ix_findings_agent_id_started_at", findings, ["agent_id", "started_at"])
    settled = ["check", "settled_outcome", "started_at"]
    op.create_index("ix_findings_check_settled", findings, settled)
    # Its first two columns are those of the index above, now that people may change an outcome.
    op.drop_index("ix_findings_check_outcome", findings)
    _create_reviews()


def _add_to_results() -> None:
    for name, kind in (
        *(("agent_name", sa.Text()), ("team", sa.Text()), ("queue", sa.Text())),
        *(("direction", sa.String(32)), ("agent_talk_ms", sa.Integer())),
        *(("customer_talk_ms", sa.Integer()), ("snr_db", sa.Float())),
        *(("mandarin_share", sa.Float()), ("reviewed_at", sa.DateTime())),
    ):
        op.add_column("results", sa.Column(name, kind))
    _add_filled("results", "duration_ms", sa.Integer(), "0")
    _add_filled("results", "risk", sa.Float(), "0")
    _add_filled("results", "settled_total", sa.Float(), "0")
    _add_filled("results", "settled_grade", sa.String(32), "")
    _add_filled("results", "settled_critical", sa.Boolean(), sa.false())
    _add_filled("results", "settled_review", sa.Boolean(), sa.false())
    _add_filled("results", "inspected_at", sa.DateTime(), _NEVER)


def _add_to_findings() -> None:
    op.add_column("findings", sa.Column("agent_id", sa.Text))
    _add_filled("findings", "started_at", sa.DateTime(), _NEVER)
    _add_filled("findings", "settled_outcome", sa.String(32), "")
    _add_filled("findings", "settled_points", sa.Float(), "0")
    _add_filled("findings", "added", sa.Boolean(), sa.false())


def _add_filled(table: str, name: str, kind: Any, start: Any) -> None:
    op.add_column(table, sa.Column(name, kind, nullable=False, server_default=start))


def _create_reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("call_id", sa.String(255), nullable=False),
        sa.Column("check", sa.String(64), nullable=False),
        sa.Column("start_ms", sa.Integer),
        sa.Column("end_ms", sa.Integer),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("machine", sa.String(32)),
        sa.Column("reviewer", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
    )
    op.create_index("ix_reviews_call_id", "reviews", ["call_id"])
    op.create_index("ix_reviews_check_at", "reviews", ["check", "at"])


# --- what the new columns are of the calls that are there -------------------------------------

_RESULTS = sa.table(
    "results",
    *(sa.column(name) for name in ("call_id", "recording_id", "payload", "agent_name", "team")),
    *(
        sa.column(name)
        for name in ("queue", "direction", "duration_ms", "agent_talk_ms", "agent_id")
    ),
    *(sa.column(name) for name in ("customer_talk_ms", "snr_db", "mandarin_share", "risk")),
    *(sa.column(name) for name in ("total", "grade", "critical", "review", "settled_total")),
    *(sa.column(name) for name in ("settled_grade", "settled_critical", "settled_review")),
    sa.column("started_at", sa.DateTime),
    sa.column("inspected_at", sa.DateTime),
)
_FINDINGS = sa.table(
    "findings",
    *(sa.column(name) for name in ("call_id", "agent_id", "outcome", "points")),
    *(sa.column(name) for name in ("settled_outcome", "settled_points")),
    sa.column("started_at", sa.DateTime),
)
_STAGES = sa.table(
    "stages",
    *(sa.column(name) for name in ("recording_id", "stage", "key")),
    sa.column("created_at", sa.DateTime),
)


def _fill(connection: sa.Connection) -> None:
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    finished = sa.select(_STAGES.c.created_at).where(
        _STAGES.c.recording_id == _RESULTS.c.recording_id,
        _STAGES.c.stage == "result",
        _STAGES.c.key == _RESULTS.c.call_id,
    )
    copied = {
        "settled_total": _RESULTS.c.total,
        "settled_grade": _RESULTS.c.grade,
        "settled_critical": _RESULTS.c.critical,
        "settled_review": _RESULTS.c.review,
        "inspected_at": sa.func.coalesce(finished.scalar_subquery(), now, type_=sa.DateTime),
    }
    connection.execute(sa.update(_RESULTS).values(copied))
    _fill_from_payloads(connection)
    same_call = _RESULTS.c.call_id == _FINDINGS.c.call_id
    day = sa.func.coalesce(_RESULTS.c.started_at, _RESULTS.c.inspected_at)
    connection.execute(
        sa.update(_FINDINGS).values(
            agent_id=sa.select(_RESULTS.c.agent_id).where(same_call).scalar_subquery(),
            started_at=sa.select(day).where(same_call).scalar_subquery(),
            settled_outcome=_FINDINGS.c.outcome,
            settled_points=_FINDINGS.c.points,
        )
    )


def _fill_from_payloads(connection: sa.Connection) -> None:
    names = (
        *("agent_name", "team", "queue", "direction", "duration_ms", "agent_talk_ms"),
        *("customer_talk_ms", "snr_db", "mandarin_share", "risk"),
    )
    change = (
        sa.update(_RESULTS)
        .where(_RESULTS.c.call_id == sa.bindparam("of_call"))
        .values({name: sa.bindparam(f"new_{name}") for name in names})
    )
    last = ""
    while True:
        query = sa.select(_RESULTS.c.call_id, _RESULTS.c.payload)
        query = query.where(_RESULTS.c.call_id > last).order_by(_RESULTS.c.call_id).limit(_AT_ONCE)
        rows = connection.execute(query).all()
        if not rows:
            return
        last = rows[-1].call_id
        news = []
        for row in rows:
            told = _told(row.payload)
            if told is not None:  # a damaged one is said when it is read
                news.append({"of_call": row.call_id, **{f"new_{k}": told[k] for k in names}})
        if news:
            connection.execute(change, news)


def _told(payload: bytes) -> dict[str, Any] | None:
    try:
        result = json.loads(zlib.decompress(payload).decode("utf-8", "surrogatepass"))
        recording, measures = result["call"]["recording"], result["measures"]
        meta = recording["metadata"]
        parties = {party["role"]: party for party in measures["parties"]}
        agent, customer = parties.get("agent", {}), parties.get("customer", {})
        return {
            **{name: _text(meta.get(name)) for name in ("agent_name", "team", "queue")},
            "direction": _text(meta.get("direction")),
            "duration_ms": recording["duration_ms"],
            "agent_talk_ms": agent.get("speech_ms"),
            "customer_talk_ms": customer.get("speech_ms"),
            "snr_db": measures.get("snr_db"),
            "mandarin_share": agent.get("mandarin_share"),
            "risk": _risk(result),
        }
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error):
        return None


def _text(value: str | None) -> str | None:
    if value is None:
        return None
    return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _risk(result: dict[str, Any]) -> float:
    if not result["score"]["review"]:
        return 0.0
    total = 1.0
    for finding in result["findings"]:
        weight = _DOUBT[finding["severity"]]
        if finding["outcome"] == "uncertain":
            total += weight
        elif finding["outcome"] == "violation":
            total += weight * (1.0 - finding["confidence"])
            total += 100.0 if finding["severity"] == "critical" else 0.0
    return round(total, 3)


def downgrade() -> None:
    op.drop_table("reviews")
    for index in ("ix_findings_check_settled", "ix_findings_agent_id_started_at"):
        op.drop_index(index, "findings")
    op.create_index("ix_findings_check_outcome", "findings", ["check", "outcome"])
    for index in ("review_queue", "queue_started_at", "team_started_at"):
        op.drop_index(f"ix_results_{index}", "results")
    for name in ("agent_id", "started_at", "settled_outcome", "settled_points", "added"):
        op.drop_column("findings", name)
    for name in (
        *("agent_name", "team", "queue", "direction", "agent_talk_ms", "customer_talk_ms"),
        *("snr_db", "mandarin_share", "reviewed_at", "duration_ms", "risk", "settled_total"),
        *("settled_grade", "settled_critical", "settled_review", "inspected_at"),
    ):
        op.drop_column("results", name)
