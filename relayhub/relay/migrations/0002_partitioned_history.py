"""Attempts and events as tables partitioned by month on their UUIDv7 ids, and storage settings of hot tables."""

from django.db import migrations

TABLES = """
CREATE TABLE relay_attempt (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL,
  recipient_id uuid NOT NULL,
  message_id uuid NOT NULL,
  number smallint NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  disposition varchar(12) NOT NULL,
  transport varchar(300) NOT NULL,
  site varchar(255) NOT NULL DEFAULT '',
  peer_host varchar(255) NOT NULL DEFAULT '',
  peer_address varchar(64) NOT NULL DEFAULT '',
  source_address varchar(64) NOT NULL DEFAULT '',
  tls jsonb,
  phase varchar(12) NOT NULL DEFAULT '',
  reply jsonb,
  bounce_class varchar(20) NOT NULL DEFAULT '',
  bounce_category varchar(20) NOT NULL DEFAULT '',
  detail jsonb NOT NULL DEFAULT '{}',
  transcript jsonb NOT NULL DEFAULT '[]'
) PARTITION BY RANGE (id);
CREATE INDEX relay_attempt_recipient ON relay_attempt (recipient_id);
CREATE TABLE relay_attempt_default PARTITION OF relay_attempt DEFAULT;

CREATE TABLE relay_event (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL,
  stream_id uuid NOT NULL,
  message_id uuid NOT NULL,
  recipient_id uuid NOT NULL,
  broadcast_id uuid,
  contact_id uuid,
  attempt_id uuid,
  type varchar(12) NOT NULL,
  at timestamptz NOT NULL,
  reply jsonb,
  detail jsonb NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (id);
CREATE INDEX relay_event_recipient ON relay_event (recipient_id);
CREATE INDEX relay_event_workspace ON relay_event (workspace_id, id);
CREATE INDEX relay_event_broadcast ON relay_event (broadcast_id, type) WHERE broadcast_id IS NOT NULL;
CREATE TABLE relay_event_default PARTITION OF relay_event DEFAULT;

CREATE FUNCTION rh_ensure_month_partitions(parent text, first_month date, months int) RETURNS int
LANGUAGE plpgsql AS $$
-- Makes the missing monthly partitions [first_month, first_month + months); returns how many were made.
DECLARE
  start_at timestamptz;
  name text;
  made int := 0;
BEGIN
  FOR i IN 0 .. months - 1 LOOP
    start_at := (date_trunc('month', first_month::timestamp) + make_interval(months => i)) AT TIME ZONE 'UTC';
    name := parent || '_' || to_char(start_at AT TIME ZONE 'UTC', 'YYYYMM');
    IF to_regclass(name) IS NULL THEN
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, parent,
        rh_uuid7_floor(start_at),
        rh_uuid7_floor((start_at AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'));
      made := made + 1;
    END IF;
  END LOOP;
  RETURN made;
END $$;
SELECT rh_ensure_month_partitions('relay_attempt', (now() - interval '4 months')::date, 8);
SELECT rh_ensure_month_partitions('relay_event', (now() - interval '4 months')::date, 8);
"""
TABLES_BACK = """
DROP TABLE relay_event;
DROP TABLE relay_attempt;
DROP FUNCTION rh_ensure_month_partitions(text, date, int);
"""

STORAGE = """
-- Mail bodies barely compress with pglz and cost its time; the queue is updated three times a row.
ALTER TABLE relay_content ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE core_storedfilechunk ALTER COLUMN data SET STORAGE EXTERNAL;
ALTER TABLE relay_recipient SET (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE relay_counterdelta SET (autovacuum_vacuum_scale_factor = 0.01);
ALTER TABLE relay_reactionoutbox SET (autovacuum_vacuum_scale_factor = 0.01);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("relay", "0001_initial"),
        ("core", "0002_uuid7_and_append_only_audit"),
    ]

    operations = [
        migrations.RunSQL(TABLES, TABLES_BACK),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
    ]
