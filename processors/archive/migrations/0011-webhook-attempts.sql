-- What was sent to the webhooks of apps and what came back. Written by the role webhooks, not by the archive: it is told,
-- not relied upon, and is kept for ninety days.
CREATE TABLE IF NOT EXISTS webhook_attempts
(
    app LowCardinality(String) COMMENT 'Whose webhook it is',
    webhookId LowCardinality(String) COMMENT 'Which webhook of the app',
    sessionId String COMMENT 'Session of the event',
    partition UInt16 COMMENT 'Partition of im.events; with offset the event in events',
    offset UInt64 COMMENT 'Offset of the event',
    kind LowCardinality(String) COMMENT 'Kind of the event',
    attempt UInt32 COMMENT 'The how manieth try, from 1; 0: it was not tried',
    at DateTime64(3, 'UTC') COMMENT 'When the answer was there, UTC, by the clock of the process',
    durationMs UInt32 COMMENT 'How long it took, ms',
    outcome Enum8('delivered' = 1, 'failed' = 2, 'dead' = 3, 'dropped' = 4) COMMENT 'failed: it is tried again; dead: it was given up; dropped: there was no room for it',
    status UInt16 COMMENT 'HTTP status of the answer; 0: there was none',
    error String COMMENT 'Why there was no answer'
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (app, webhookId, at)
TTL toDateTime(at) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What was sent to webhooks and what came back';
