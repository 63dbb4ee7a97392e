"""The statements that make the large workspace: each moves thousands of rows, none goes row by row.

Everything about a person follows from their number, and an id follows from its time and a text, so that no
statement has to look anything up. `large_stop` remembers who is written to no more, `large_mail` holds the
recipients of the campaign that is being made.
"""

from __future__ import annotations

#: Run once a session; the objects go with it.
SET_UP = """
CREATE OR REPLACE FUNCTION pg_temp.uuid_at(at timestamptz, seed text) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at)::float8 * 1000)::bigint), 12, '0') || '7' || substr(md5(seed), 1, 3)
    || '8' || substr(md5(seed), 4, 15))::uuid
$$;
CREATE OR REPLACE FUNCTION pg_temp.host_of(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN n % 100 < 40 THEN 'google.example' WHEN n % 100 < 64 THEN 'microsoft.example'
    WHEN n % 100 < 78 THEN 'icloud.example' WHEN n % 100 < 87 THEN 'yahoo.example'
    WHEN n % 100 < 93 THEN 'posteo.example' ELSE 'harbour-mail.example' END
$$;
CREATE OR REPLACE FUNCTION pg_temp.provider_of(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN n % 100 < 40 THEN 'Google' WHEN n % 100 < 64 THEN 'Microsoft consumer'
    WHEN n % 100 < 78 THEN 'Apple' WHEN n % 100 < 87 THEN 'Yahoo' WHEN n % 100 < 93 THEN 'Posteo' ELSE '' END
$$;
CREATE OR REPLACE FUNCTION pg_temp.joined_at(n int, first timestamptz, every interval) RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT first + every * n $$;
CREATE TEMPORARY TABLE IF NOT EXISTS large_stop (n int PRIMARY KEY, at timestamptz NOT NULL, why text NOT NULL);
CREATE TEMPORARY TABLE IF NOT EXISTS large_mail (
  n int, id uuid, contact_id uuid, address text, host text, provider text, status text, tried timestamptz,
  put_off timestamptz, ended timestamptz, attempt_id uuid, opened timestamptz, again timestamptz,
  machine timestamptz, clicked timestamptz, link int, left_at timestamptz
);
TRUNCATE large_stop;
"""

CONTACTS = """
INSERT INTO campaigns_contact (id, workspace_id, email, email_key, name, fields, language, source, created_at,
  updated_at)
SELECT pg_temp.uuid_at(at, %(workspace)s || 'c' || n), %(workspace)s, 'person' || n || '@' || pg_temp.host_of(n),
  'person' || n || '@' || pg_temp.host_of(n), 'Ada Number ' || n,
  jsonb_build_object('city', 'Town ' || n %% 500, 'favourite', (ARRAY['Rye', 'Sourdough', 'Seed loaf'])[1 + n %% 3],
    'loaves', n %% 60), (ARRAY['en', 'de', 'fr', 'es', 'pl', ''])[1 + n %% 6], 'form', at, at
FROM (SELECT n, pg_temp.joined_at(n, %(first)s, %(every)s) AS at FROM generate_series(%(from)s, %(to)s) n) people
"""
SUBSCRIPTIONS = """
INSERT INTO campaigns_subscription (id, workspace_id, mailing_list_id, contact_id, status, created_at, confirmed_at)
SELECT pg_temp.uuid_at(at, list_id::text || n), %(workspace)s, list_id, pg_temp.uuid_at(at, %(workspace)s || 'c' || n),
  CASE WHEN n %% 31 = 5 THEN 'unconfirmed' ELSE 'confirmed' END, at, CASE WHEN n %% 31 = 5 THEN NULL ELSE at END
FROM (SELECT n, pg_temp.joined_at(n, %(first)s, %(every)s) AS at FROM generate_series(%(from)s, %(to)s) n) people
CROSS JOIN LATERAL (
  SELECT (%(lists)s::uuid[])[1] AS list_id
  UNION ALL SELECT (%(lists)s::uuid[])[2 + n %% (%(list_count)s - 1)] WHERE n %% 2 = 0
) AS on_list
"""
CONSENTS = """
INSERT INTO campaigns_consententry (id, contact_id, mailing_list_id, action, channel, source, user_agent, detail, at)
SELECT pg_temp.uuid_at(s.created_at, 'e' || s.id), s.contact_id, s.mailing_list_id, 'subscribed', 'form',
  'https://northwind-bakery.example/newsletter', '', '{}', s.created_at
FROM campaigns_subscription s
WHERE s.workspace_id = %(workspace)s AND s.contact_id BETWEEN
  (SELECT rh_uuid7_floor(pg_temp.joined_at(%(from)s, %(first)s, %(every)s)))
  AND (SELECT rh_uuid7_floor(pg_temp.joined_at(%(to)s + 1, %(first)s, %(every)s)))
  AND s.mailing_list_id = ANY(%(lists)s)
"""

#: Recipients of one campaign: people from `offset` on, less those who left; times within the two days after.
MAIL = """
TRUNCATE large_mail;
INSERT INTO large_mail
SELECT n, pg_temp.uuid_at(%(at)s, broadcast || n), contact_id, address, pg_temp.host_of(n), pg_temp.provider_of(n),
  status, tried, put_off,
  CASE WHEN status IN ('delivered', 'bounced') THEN tried + interval '300 milliseconds' ELSE %(at)s END,
  CASE WHEN put_off IS NOT NULL OR status = 'bounced' THEN pg_temp.uuid_at(tried, broadcast || 'a' || n) END,
  opened, CASE WHEN c_again < 0.2 THEN opened + interval '9 hours' END,
  CASE WHEN status = 'delivered' AND c_machine < CASE WHEN pg_temp.provider_of(n) = 'Apple' THEN 0.85 ELSE 0.08 END
    THEN tried + interval '4 seconds' END,
  CASE WHEN c_click < 0.16 THEN opened + interval '40 seconds' END, 1 + (n %% %(links)s),
  CASE WHEN c_leave < 0.004 THEN opened + interval '70 seconds' END
FROM (
  SELECT p.*, CASE WHEN status = 'delivered' AND c_open < 0.26 THEN tried + (c_when * c_when * interval '46 hours') END
    AS opened
  FROM (
    SELECT w.*, 'person' || n || '@' || pg_temp.host_of(n) AS address, %(broadcast)s::text AS broadcast,
      pg_temp.uuid_at(pg_temp.joined_at(n, %(first)s, %(every)s), %(workspace)s || 'c' || n) AS contact_id,
      begun + CASE WHEN c_late < 0.03 AND s.stopped IS NULL THEN interval '5 minutes' ELSE interval '0' END AS tried,
      CASE WHEN c_late < 0.03 AND s.stopped IS NULL THEN begun END AS put_off,
      CASE WHEN s.why IS NOT NULL THEN 'suppressed' WHEN w.n %% 400 = 7 THEN 'bounced' ELSE 'delivered' END AS status
    FROM (
      SELECT (%(offset)s + i) %% %(contacts)s AS n, %(at)s + (i / %(a_second)s) * interval '1 second' AS begun,
        random() AS c_late, random() AS c_open, random() AS c_when,
        random() AS c_again, random() AS c_machine, random() AS c_click, random() AS c_leave
      FROM generate_series(0, %(size)s - 1) i
    ) w LEFT JOIN large_stop s(stopped, stopped_at, why) ON s.stopped = w.n
    WHERE s.why IS DISTINCT FROM 'unsubscribe' AND w.n %% 31 <> 5
  ) p
) q
"""
AUDIENCE = """
INSERT INTO campaigns_broadcastaudience (broadcast_id, contact_id, address, address_key, left_out)
SELECT %(broadcast)s, contact_id, address, address, CASE status WHEN 'suppressed' THEN 'suppressed' ELSE '' END
FROM large_mail ORDER BY n
"""
RECIPIENTS = """
INSERT INTO relay_recipient (id, message_id, workspace_id, stream_id, lane_id, broadcast_id, contact_id, address,
  address_key, domain, merge, status, next_attempt_at, attempts, crashes, unknown_retried, hold_reason, reply,
  bounce_class, bounce_category, transport, provider, accepted_at, finished_at, opened_at, machine_opened_at,
  clicked_at, unsubscribed_at)
SELECT m.id, %(message)s, %(workspace)s, %(stream)s, l.id, %(broadcast)s, m.contact_id, m.address, m.address, m.host,
  NULL, m.status, %(at)s, CASE WHEN m.status = 'suppressed' THEN 0 WHEN m.put_off IS NULL THEN 1 ELSE 2 END, 0, false,
  '', CASE m.status WHEN 'delivered' THEN %(taken)s::jsonb WHEN 'bounced' THEN %(unknown)s::jsonb END,
  CASE m.status WHEN 'bounced' THEN 'hard' ELSE '' END, CASE m.status WHEN 'bounced' THEN 'recipient' ELSE '' END,
  CASE m.status WHEN 'suppressed' THEN '' ELSE 'direct' END, m.provider, %(at)s, m.ended, m.opened, m.machine,
  m.clicked, m.left_at
FROM large_mail m JOIN relay_lane l ON l.stream_id = %(stream)s AND l.site = m.host
  AND l.broadcast_id IS NOT DISTINCT FROM %(broadcast)s
"""
EVENTS = """
INSERT INTO relay_event (id, workspace_id, stream_id, message_id, recipient_id, broadcast_id, contact_id, attempt_id,
  type, at, reply, detail)
SELECT pg_temp.uuid_at(e.at, m.id::text || e.type || e.nth), %(workspace)s, %(stream)s, %(message)s, m.id,
  %(broadcast)s, m.contact_id, e.attempt_id, e.type, e.at, e.reply, e.detail
FROM large_mail m CROSS JOIN LATERAL (VALUES
  ('accepted', 1, %(at)s, NULL::uuid, NULL::jsonb, '{"source": "campaign"}'::jsonb),
  ('suppressed', 1, CASE WHEN m.status = 'suppressed' THEN %(at)s END, NULL, NULL, '{"found": "accept"}'),
  ('attempted', 1, m.put_off, pg_temp.uuid_at(m.put_off, m.id || 'first'), NULL, '{"number": 1}'),
  ('deferred', 1, m.put_off + interval '300 milliseconds', pg_temp.uuid_at(m.put_off, m.id || 'first'),
    %(rate)s::jsonb, '{"transport": "direct"}'),
  ('attempted', 2, CASE WHEN m.status <> 'suppressed' THEN m.tried END, m.attempt_id, NULL,
    CASE WHEN m.put_off IS NULL THEN '{"number": 1}'::jsonb ELSE '{"number": 2}' END),
  ('delivered', 1, CASE WHEN m.status = 'delivered' THEN m.ended END, m.attempt_id, %(taken)s::jsonb,
    '{"transport": "direct"}'),
  ('bounced', 1, CASE WHEN m.status = 'bounced' THEN m.ended END, m.attempt_id, %(unknown)s::jsonb,
    '{"transport": "direct", "suppresses": true}'),
  ('opened', 1, m.machine, NULL, NULL, '{"machine": true, "first": false}'),
  ('opened', 2, m.opened, NULL, NULL, '{"machine": false, "first": true}'),
  ('opened', 3, m.again, NULL, NULL, '{"machine": false, "first": false}'),
  ('clicked', 1, m.clicked, NULL, NULL, jsonb_build_object('machine', false, 'first', true, 'link', m.link)),
  ('unsubscribed', 1, m.left_at, NULL, NULL, '{"channel": "one_click"}')
) AS e(type, nth, at, attempt_id, reply, detail)
WHERE e.at IS NOT NULL
"""
#: Conversations are kept only of what went wrong: the rest has its events.
ATTEMPTS = """
INSERT INTO relay_attempt (id, workspace_id, recipient_id, message_id, number, started_at, ended_at, disposition,
  transport, site, peer_host, peer_address, source_address, tls, phase, reply, bounce_class, bounce_category)
SELECT a.id, %(workspace)s, m.id, %(message)s, a.number, a.at, a.at + interval '300 milliseconds', a.disposition,
  'direct', m.host, 'mx.' || m.host, '192.0.2.25', '198.51.100.10', '{"version": "TLSv1.3", "verified": true}',
  CASE a.disposition WHEN 'delivered' THEN 'dot' ELSE 'rcpt' END, a.reply,
  CASE a.disposition WHEN 'bounced' THEN 'hard' ELSE '' END,
  CASE a.disposition WHEN 'bounced' THEN 'recipient' ELSE '' END
FROM large_mail m CROSS JOIN LATERAL (VALUES
  (CASE WHEN m.put_off IS NOT NULL THEN pg_temp.uuid_at(m.put_off, m.id || 'first') END, 1, m.put_off, 'deferred',
    %(rate)s::jsonb),
  (m.attempt_id, CASE WHEN m.put_off IS NULL THEN 1 ELSE 2 END, m.tried, m.status,
    CASE m.status WHEN 'bounced' THEN %(unknown)s::jsonb ELSE %(taken)s::jsonb END)
) AS a(id, number, at, disposition, reply)
WHERE a.id IS NOT NULL
"""
SUPPRESSIONS = """
INSERT INTO deliverability_suppression (id, workspace_id, address, address_key, reason, scope, list_id, source,
  recipient_id, created_at, lifted_by, lift_reason)
SELECT pg_temp.uuid_at(s.at, 's' || m.id), %(workspace)s, m.address, m.address, s.why,
  CASE s.why WHEN 'hard_bounce' THEN 'workspace' ELSE 'list' END,
  CASE s.why WHEN 'unsubscribe' THEN %(list)s::uuid END,
  CASE s.why WHEN 'hard_bounce' THEN '550 5.1.1 from mx.' || m.host ELSE 'unsubscribed by one_click' END, m.id, s.at,
  '', ''
FROM large_mail m CROSS JOIN LATERAL (
  SELECT CASE WHEN m.status = 'bounced' THEN m.ended ELSE m.left_at END AS at,
    CASE WHEN m.status = 'bounced' THEN 'hard_bounce' ELSE 'unsubscribe' END AS why
) s WHERE s.at IS NOT NULL AND m.status IN ('bounced', 'delivered')
"""
LEAVE = """
UPDATE campaigns_subscription s SET status = 'unsubscribed', unsubscribed_at = m.left_at
FROM large_mail m WHERE m.left_at IS NOT NULL AND s.contact_id = m.contact_id AND s.mailing_list_id = %(list)s
"""
LEFT_CONSENTS = """
INSERT INTO campaigns_consententry (id, contact_id, mailing_list_id, action, channel, source, user_agent, detail, at)
SELECT pg_temp.uuid_at(m.left_at, 'l' || m.id), m.contact_id, %(list)s, 'unsubscribed', 'one_click', '', '', '{}',
  m.left_at FROM large_mail m WHERE m.left_at IS NOT NULL
"""
STOP = """
INSERT INTO large_stop SELECT n, coalesce(left_at, ended), CASE status WHEN 'bounced' THEN 'hard_bounce'
  ELSE 'unsubscribe' END FROM large_mail WHERE status = 'bounced' OR left_at IS NOT NULL
"""
LEFT_OUT = """
SELECT count(*) FILTER (WHERE i.n %% 31 = 5), count(*) FILTER (WHERE i.n %% 31 <> 5 AND s.why = 'unsubscribe')
FROM (SELECT (%(offset)s + i) %% %(contacts)s AS n FROM generate_series(0, %(size)s - 1) i) i
LEFT JOIN large_stop s ON s.n = i.n
"""
#: Receipts: messages of one recipient each, which share a few contents.
RECEIPTS = """
WITH mail AS MATERIALIZED (
  SELECT n, at, pg_temp.uuid_at(at, %(workspace)s || 'm' || n) AS message_id,
    pg_temp.uuid_at(at, %(workspace)s || 'r' || n) AS id, 'person' || who || '@' || pg_temp.host_of(who) AS address,
    who
  FROM (
    SELECT n, %(begin)s + (n::float8 / %(count)s) * %(span)s AS at,
      ((n * 7919) %% %(contacts)s)::int AS who
    FROM generate_series(%(from)s::bigint, %(to)s::bigint) n
  ) t WHERE who %% 400 <> 7
), messages AS (
  INSERT INTO relay_message (id, workspace_id, stream_id, content_id, source, from_header, from_address, from_domain,
    mail_from, subject, message_id_header, tags, metadata, options, track, is_trusted_network, size_bytes,
    recipient_count, expires_at, created_at)
  SELECT message_id, %(workspace)s, %(stream)s, %(content)s, 'http', %(from_header)s, %(from_address)s,
    %(from_domain)s, '', 'Your order ' || n || ' at Northwind Bakery',
    '<' || message_id || '@' || %(from_domain)s || '>',
    '{receipt}', '{}', '{}', 'none', false, %(size)s, 1, at + interval '5 days', at FROM mail
), recipients AS (
  INSERT INTO relay_recipient (id, message_id, workspace_id, stream_id, lane_id, address, address_key, domain, status,
    next_attempt_at, attempts, crashes, unknown_retried, hold_reason, reply, bounce_class, bounce_category, transport,
    provider, accepted_at, finished_at)
  SELECT m.id, message_id, %(workspace)s, %(stream)s, l.id, address, address, pg_temp.host_of(who), 'delivered',
    at, 1, 0, false, '', %(taken)s::jsonb, '', '', 'direct', pg_temp.provider_of(who), at,
    at + interval '800 milliseconds'
  FROM mail m JOIN relay_lane l ON l.stream_id = %(stream)s AND l.broadcast_id IS NULL
    AND l.site = pg_temp.host_of(who)
)
INSERT INTO relay_event (id, workspace_id, stream_id, message_id, recipient_id, type, at, reply, detail)
SELECT pg_temp.uuid_at(e.at, m.id || e.type), %(workspace)s, %(stream)s, m.message_id, m.id, e.type, e.at, e.reply,
  e.detail
FROM mail m CROSS JOIN LATERAL (VALUES
  ('accepted', m.at, NULL::jsonb, '{"source": "http"}'::jsonb),
  ('attempted', m.at + interval '500 milliseconds', NULL, '{"number": 1}'),
  ('delivered', m.at + interval '800 milliseconds', %(taken)s::jsonb, '{"transport": "direct"}')
) AS e(type, at, reply, detail)
"""
