"""Counts that are new: what people did first, clicks of machines per link, and minutes of the last days."""

from django.db import migrations

COUNT = """
INSERT INTO relay_counter (workspace_id, subject, subject_id, metric, bucket, value)
SELECT e.workspace_id, s.subject, s.subject_id, e.type || ':people', date_trunc('hour', e.at, 'UTC'), count(*)
FROM relay_event e
CROSS JOIN LATERAL (VALUES ('stream', e.stream_id), ('broadcast', e.broadcast_id)) AS s(subject, subject_id)
WHERE e.type IN ('opened', 'clicked') AND NOT (e.detail->>'machine')::boolean AND (e.detail->>'first')::boolean
  AND s.subject_id IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
UNION ALL
SELECT e.workspace_id, 'link', e.broadcast_id, 'clicked:' || (e.detail->>'link') || ':machine',
  date_trunc('hour', e.at, 'UTC'), count(*)
FROM relay_event e WHERE e.type = 'clicked' AND (e.detail->>'machine')::boolean AND e.broadcast_id IS NOT NULL
  AND e.detail ? 'link'
GROUP BY 1, 3, 4, 5
UNION ALL
SELECT e.workspace_id, 'minute', e.broadcast_id, CASE WHEN e.type IN ('delivered', 'bounced') THEN e.type
    WHEN (e.detail->>'machine')::boolean THEN e.type || ':machine' ELSE e.type || ':people' END,
  date_trunc('minute', e.at, 'UTC'), count(*)
FROM relay_event e WHERE e.broadcast_id IS NOT NULL AND e.at > now() - interval '8 days'
  AND e.type IN ('delivered', 'bounced', 'opened', 'clicked')
  AND (e.type IN ('delivered', 'bounced') OR (e.detail->>'machine')::boolean OR (e.detail->>'first')::boolean)
GROUP BY 1, 3, 4, 5
ON CONFLICT (subject_id, metric, bucket, subject) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("relay", "0006_broadcast_figures")]

    operations = [migrations.RunSQL(COUNT, migrations.RunSQL.noop)]
