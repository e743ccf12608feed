"""The tables, in SQLAlchemy Core, the same on SQLite and PostgreSQL.

Times are UTC text of fixed length (`2026-11-23T05:04:03.123456Z`), so that both databases sort and compare them alike; what is
JSON is text; what is sealed is bytes with the id of its data key beside it. Rows are written by `apply.py` and `lanes.py` alone.

`audit_rows.entry` numbers the rows as they were kept, which keeps the order of each person's sequence. `lane_heads` remembers the
last sequence of a lane after its entries are done and gone. `gaps` counts what met no rule, by sender and day. `merges.stays` is what
was said, `survivor` where it leads by now.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()
ID, TIME = String(64), String(27)


def _text(name: str, *, index: bool = False, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null, index=index)


def _sealed(name: str) -> tuple[Column[str], Column[bytes]]:
    return Column(f"{name}_key", Text, nullable=False), Column(name, LargeBinary, nullable=False)


data_keys = Table(
    "data_keys", metadata,
    Column("id", Text, primary_key=True), Column("generation", Integer, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)  # fmt: skip

received = Table(
    "received", metadata,
    Column("id", ID, primary_key=True), _text("participant"), _text("digest"), _text("control_id"), _text("content_type"),
    _text("transport"), _text("network"), _text("client"), _text("charset"), Column("at", TIME, nullable=False),
    Column("size", Integer, nullable=False), *_sealed("payload"),
    UniqueConstraint("participant", "digest", name="received_once"),
)  # fmt: skip

exchanges = Table(
    "exchanges", metadata,
    Column("id", ID, primary_key=True), Column("received_id", ID, nullable=False, index=True),
    _text("agreement"), _text("status", index=True), _text("site_revision"), _text("replay_of"),
    _text("who_participant"), _text("who_client"), _text("who_user"), _text("who_role"),
    _text("whom_person", index=True, null=True), _text("whom_recipient"),
    Column("when_received", TIME, nullable=False), Column("when_decided", TIME), Column("when_released", TIME),
    Column("when_delivered", TIME), Column("when_due", TIME, index=True), _text("when_keep_until"),
    _text("when_data_from"), _text("when_data_to"),
    _text("where_jurisdiction"), _text("where_network"), _text("where_endpoint"), _text("where_device"),
    _text("what_trigger"), _text("what_released"), Column("what_withheld", Integer, nullable=False), _text("what_withheld_labels"),
    Column("what_lost", Integer, nullable=False, server_default="0"), Column("what_lost_at", Text, nullable=False, server_default="[]"),
    _text("why_purpose"), _text("why_basis"), _text("why_legal"), _text("why_reason"),
    _text("how_standard"), _text("how_transport"), _text("how_interaction"), _text("how_map"), _text("how_profile"),
    _text("how_obligations"), _text("steps"),
    Index("exchanges_newest", "when_received", "id"), Index("exchanges_participant", "who_participant", "when_received"),
    Index("exchanges_agreement_day", "agreement", "when_received"),
)  # fmt: skip

decisions = Table(
    "decisions", metadata,
    Column("id", ID, primary_key=True), Column("exchange", ID, nullable=False, index=True), _text("phase"),
    Column("at", TIME, nullable=False), _text("decision"), _text("reason"), _text("released"), _text("redacted"),
    _text("obligations"), _text("consents_used"), Column("epoch", Integer, nullable=False), _text("site_revision"),
    *_sealed("request"),
)  # fmt: skip

audit_rows = Table(
    "audit_rows", metadata,
    Column("entry", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", ID, nullable=False, unique=True), Column("exchange", ID, nullable=False, index=True), _text("kind", index=True),
    _text("outcome"), Column("at", TIME, nullable=False), Column("person", ID), Column("sequence", Integer), _text("previous_hash"),
    Column("line", LargeBinary, nullable=False), Column("leaf_hash", String(64), nullable=False),
    Column("position", BigInteger, unique=True),
    UniqueConstraint("person", "sequence", name="audit_chain"), Index("audit_time", "at"),
)  # fmt: skip

outbox = Table(
    "outbox", metadata,
    Column("id", ID, primary_key=True), Column("exchange", ID, nullable=False, index=True), _text("kind"), _text("destination"),
    _text("lane"), Column("sequence", Integer, nullable=False), *_sealed("payload"), Column("not_before", TIME, index=True),
    Column("attempts", Integer, nullable=False, default=0), _text("error_class"),
    Column("lease_owner", Text), Column("lease_until", TIME), Column("token", Integer, nullable=False, default=0),
    UniqueConstraint("lane", "sequence", name="outbox_lane"),
)  # fmt: skip

lane_heads = Table(
    "lane_heads", metadata, Column("lane", Text, primary_key=True), Column("sequence", Integer, nullable=False)
)

consent_epochs = Table(
    "consent_epochs", metadata, Column("person", ID, primary_key=True), Column("epoch", Integer, nullable=False)
)

identity_links = Table(
    "identity_links", metadata,
    Column("system", Text, primary_key=True), Column("token", String(64), primary_key=True),
    Column("person", ID, nullable=False, index=True), Column("at", TIME, nullable=False), _text("by"),
)  # fmt: skip

merges = Table(
    "merges", metadata,
    Column("gone", ID, primary_key=True), Column("stays", ID, nullable=False), Column("survivor", ID, nullable=False, index=True),
    Column("at", TIME, nullable=False), _text("by"),
)  # fmt: skip

resources = Table(
    "resources", metadata,
    Column("type", String(64), primary_key=True), Column("id", ID, primary_key=True),
    Column("version", Integer, primary_key=True), Column("person", ID, nullable=False), _text("source"), _text("labels"),
    _text("digest"), Column("at", TIME, nullable=False), *_sealed("content"), Column("deleted", Boolean, nullable=False),
    Column("current", Boolean, nullable=False),
    Index("resources_of_person", "person", "type", "current"),
    Index("resources_current", "type", "id", unique=True, sqlite_where=text("current"), postgresql_where=text("current")),
)  # fmt: skip

gaps = Table(
    "gaps", metadata,
    Column("day", String(10), primary_key=True), Column("sender", Text, primary_key=True), Column("what", Text, primary_key=True),
    Column("position", Text, primary_key=True), Column("code_table", Text, primary_key=True), Column("code", Text, primary_key=True),
    Column("count", Integer, nullable=False),
)  # fmt: skip

records = Table(
    "records", metadata,
    Column("kind", String(64), primary_key=True), Column("key", Text, primary_key=True), _text("value"),
    Column("at", TIME, nullable=False), Column("expires", TIME, index=True), Column("sealed_key", Text),
    Column("sealed", LargeBinary),
)  # fmt: skip
