-- The messages as they stand now, in the order in which people read them. The view below fills the table in the very
-- insert that fills events, under the same deduplication token; a later event that changes a message writes the whole
-- row again with its own, higher offset and the time of the message, so that it lands in the same month.
CREATE TABLE IF NOT EXISTS messages
(
    sessionId String COMMENT 'The session of the message' CODEC(ZSTD(1)),
    seq UInt64 COMMENT 'Position in the timeline of the session; with sessionId the identity of the message' CODEC(Delta, ZSTD(1)),
    sessionKind LowCardinality(String) COMMENT 'Single, Group or Notify',
    partition UInt16 COMMENT 'Partition of im.events that holds the session' CODEC(ZSTD(1)),
    offset UInt64 COMMENT 'Offset of the event that last changed the message; the row with the highest one counts' CODEC(ZSTD(1)),
    count UInt64 COMMENT 'Messages of the session that count as unread, this one included' CODEC(Delta, ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'Log time at which the message was accepted, UTC' CODEC(Delta, ZSTD(1)),
    from String COMMENT 'The sender' CODEC(ZSTD(1)),
    packId UUID COMMENT 'Id of the pack that sent the message, a UUIDv7 made by the client' CODEC(ZSTD(1)),
    deviceType Int32 COMMENT 'Type of the device that sent it: 1 iOS, 2 Android, 3 macOS, 4 Windows, 5 Linux, 6 web, 7 mini-program, 8 tablet, 9 HarmonyOS, 0 none' CODEC(ZSTD(1)),
    deviceId String COMMENT 'The name that the client gives that device' CODEC(ZSTD(1)),
    gateway LowCardinality(String) COMMENT 'Name of the gateway process that appended the pack',
    flags UInt32 COMMENT 'Flags of the pack, see events.flags; bit 4 says that the message counts as unread' CODEC(ZSTD(1)),
    contentKind LowCardinality(String) COMMENT 'Text or Custom',
    contentType String COMMENT 'Custom content: the name that the app gives the type; empty otherwise' CODEC(ZSTD(1)),
    contentBytes UInt32 COMMENT 'UTF-8 bytes of text or data' CODEC(ZSTD(1)),
    text String COMMENT 'Text content as it reads now; empty for other kinds and once revoked' CODEC(ZSTD(1)),
    data String COMMENT 'Custom content as it reads now, a JSON document; empty for other kinds and once revoked' CODEC(ZSTD(1)),
    editedAt Nullable(DateTime64(3, 'UTC')) COMMENT 'Log time of the last edit; NULL where the message was never edited' CODEC(ZSTD(1)),
    revokedAt Nullable(DateTime64(3, 'UTC')) COMMENT 'Log time at which the message was revoked; NULL where it stands' CODEC(ZSTD(1)),
    revokedBy String COMMENT 'Who revoked it; empty where it stands' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY toYYYYMM(at)
ORDER BY (sessionId, seq)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Messages as they stand now, one row each; read it with FINAL';

CREATE MATERIALIZED VIEW IF NOT EXISTS messages_from_events TO messages AS
SELECT
    sessionId, seq, sessionKind, partition, offset, count, at, from, packId, deviceType, deviceId, gateway, flags,
    contentKind, contentType, contentBytes, text, data
FROM events
WHERE kind = 'MessageAccepted';
