"""The SQL twin of `core.ids.uuid7`, and an audit log that no statement can change."""

from django.db import migrations

UUID7 = """
CREATE FUNCTION rh_uuid7(at timestamptz DEFAULT clock_timestamp()) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  -- RFC 9562 5.7: 48 bits of milliseconds over a random UUID; version 4 (0100) becomes 7 (0111).
  SELECT encode(
    set_bit(set_bit(
      overlay(uuid_send(gen_random_uuid())
              placing substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3)
              FROM 1 FOR 6),
      52, 1), 53, 1),
    'hex')::uuid
$$;
CREATE FUNCTION rh_uuid7_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  -- The smallest UUIDv7 of a millisecond: a bound for ranges and partitions.
  SELECT (encode(substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3), 'hex')
          || '70008000000000000000')::uuid
$$;
"""
UUID7_BACK = "DROP FUNCTION rh_uuid7_floor(timestamptz); DROP FUNCTION rh_uuid7(timestamptz);"

APPEND_ONLY = """
CREATE FUNCTION core_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER core_audit_append_only BEFORE UPDATE OR DELETE ON core_auditentry
  FOR EACH ROW EXECUTE FUNCTION core_audit_refuse();
"""
APPEND_ONLY_BACK = """
DROP TRIGGER core_audit_append_only ON core_auditentry;
DROP FUNCTION core_audit_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunSQL(UUID7, UUID7_BACK),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_BACK),
    ]
