CREATE TABLE IF NOT EXISTS contacts (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  email      TEXT NOT NULL DEFAULT '',
  phone      TEXT NOT NULL DEFAULT '',
  title      TEXT NOT NULL DEFAULT '',
  owner      TEXT NOT NULL DEFAULT '',
  assignees  TEXT NOT NULL DEFAULT '[]', -- a JSON list
  teams      TEXT NOT NULL DEFAULT '[]', -- a JSON list
  created_at TEXT NOT NULL,              -- RFC 3339
  version    INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX IF NOT EXISTS contacts_owner ON contacts (owner);

CREATE TABLE IF NOT EXISTS deals (
  id         TEXT PRIMARY KEY,
  title      TEXT NOT NULL,
  stage      TEXT NOT NULL,
  amount     INTEGER NOT NULL,
  margin     INTEGER NOT NULL,
  contact    TEXT NOT NULL,
  owner      TEXT NOT NULL DEFAULT '',
  assignees  TEXT NOT NULL DEFAULT '[]',
  teams      TEXT NOT NULL DEFAULT '[]',
  created_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deals_owner ON deals (owner);

INSERT OR IGNORE INTO contacts (id, name, email, phone, title, owner, teams, created_at) VALUES
  ('c1', 'Zoe Adams', 'zoe@example.com',  '13800000001', 'Buyer',   'ann', '["emea"]', '2026-01-05T09:00:00Z'),
  ('c2', 'Zoe Adams', 'zoea@example.com', '',            '',        'ann', '["emea"]', '2026-01-06T09:00:00Z'),
  ('c3', '王小明',    'wang@example.com', '13812345678', '采购经理', 'bob', '["apac"]', '2026-01-07T09:00:00Z'),
  ('c4', 'Lee Chen',  'lee@example.com',  '13800000004', 'CTO',     'bob', '["apac"]', '2026-01-08T09:00:00Z'),
  ('c5', 'Max Stone', 'max@example.com',  '13800000005', 'Clerk',   '',    '[]',       '2026-01-09T09:00:00Z');
INSERT OR IGNORE INTO deals (id, title, stage, amount, margin, contact, owner, teams, created_at) VALUES
  ('d1', 'Fifty seats', 'open', 5000, 1200, 'c1', 'ann', '["emea"]', '2026-02-01T09:00:00Z'),
  ('d2', 'Renewal',     'won',  3000,  900, 'c1', 'ann', '["emea"]', '2026-02-02T09:00:00Z'),
  ('d3', 'Pilot',       'lost',  800,  100, 'c3', 'bob', '["apac"]', '2026-02-03T09:00:00Z'),
  ('d4', '=1+1',        'won',  9000, 2500, 'c4', 'bob', '["apac"]', '2026-02-04T09:00:00Z'),
  ('d5', 'Old account', 'won',  7000, 2000, 'c5', '',    '[]',       '2026-02-05T09:00:00Z');
