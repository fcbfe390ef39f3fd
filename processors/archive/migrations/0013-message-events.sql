-- What a search reads, and what it then shows of what it has found: messages and their changes in one table, in the order
-- of the sessions, in granules of 512 rows. A message is read with the rows beside it in its granule, and a search of 500
-- sessions reads a granule of each at least: in granules of 8,192 rows that was most of its time. What there was before
-- is copied at the end; a copy that is made again changes nothing.
CREATE TABLE IF NOT EXISTS message_events
(
    sessionId String COMMENT 'The session of the message' CODEC(ZSTD(1)),
    messageSeq UInt64 COMMENT 'Seq of the message; with sessionId the identity of the message' CODEC(Delta, ZSTD(1)),
    seq UInt64 COMMENT 'Seq of the event: messageSeq where the message was sent, a higher one where it was changed' CODEC(Delta, ZSTD(1)),
    sessionKind LowCardinality(String) COMMENT 'Single, Group or Notify',
    partition UInt16 COMMENT 'Partition of im.events that holds the session' CODEC(ZSTD(1)),
    offset UInt64 COMMENT 'Offset of the event in its partition' CODEC(ZSTD(1)),
    count UInt64 COMMENT 'Messages of the session that count as unread, as of this event' CODEC(Delta, ZSTD(1)),
    sentAt DateTime64(3, 'UTC') COMMENT 'Log time of the message, UTC' CODEC(Delta, ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'Log time of the event, UTC' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'MessageAccepted, MessageRevoked, MessageDeleted, MessageOverridden, ReactionAdded or ReactionRemoved',
    from String COMMENT 'Who sent or changed it' CODEC(ZSTD(1)),
    packId UUID COMMENT 'Id of the pack, a UUIDv7 made by the client' CODEC(ZSTD(1)),
    flags UInt32 COMMENT 'Flags of the pack, see events.flags' CODEC(ZSTD(1)),
    contentKind LowCardinality(String) COMMENT 'MessageAccepted, MessageOverridden: kind of the content; empty otherwise',
    contentType String COMMENT 'Custom content: the name that the app gives the type; empty otherwise' CODEC(ZSTD(1)),
    text String COMMENT 'MessageAccepted, MessageOverridden: the text. Empty for other kinds, and after an erasure' CODEC(ZSTD(1)),
    data String COMMENT 'As in events. Empty where there is none, and after an erasure' CODEC(ZSTD(1)),
    extra String COMMENT 'As in events. Empty where there is none, and after an erasure' CODEC(ZSTD(1)),
    INDEX textWords lower(text) TYPE text(tokenizer = asciiCJK),
    INDEX textPairs lowerUTF8(text) TYPE text(tokenizer = ngrams(2)),
    INDEX byTime sentAt TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY toYYYYMM(sentAt)
ORDER BY (sessionId, messageSeq, seq)
SETTINGS
    index_granularity = 512, min_compress_block_size = 8192, non_replicated_deduplication_window = 1000,
    min_parts_to_merge_at_once = 10, old_parts_lifetime = 60
COMMENT 'Messages and what became of them, one row for each event, for searches; read it with FINAL';

CREATE MATERIALIZED VIEW IF NOT EXISTS message_events_from_events TO message_events AS
SELECT
    sessionId, if(targetSeq > 0, targetSeq, seq) AS messageSeq, seq, sessionKind, partition, offset, count,
    if(targetSeq > 0, fromUnixTimestamp64Milli(JSONExtractInt(data, 'target', 'at'), 'UTC'), at) AS sentAt,
    at, kind, from, packId, flags, contentKind, contentType, text, data, extra
FROM events
WHERE targetSeq > 0 OR kind = 'MessageAccepted';

-- Nobody searches there any more.
ALTER TABLE messages DROP INDEX IF EXISTS textWords;

ALTER TABLE messages DROP INDEX IF EXISTS textPairs;

ALTER TABLE message_changes DROP INDEX IF EXISTS textWords;

ALTER TABLE message_changes DROP INDEX IF EXISTS textPairs;

INSERT INTO message_events SELECT
    sessionId, if(targetSeq > 0, targetSeq, seq) AS messageSeq, seq, sessionKind, partition, offset, count,
    if(targetSeq > 0, fromUnixTimestamp64Milli(JSONExtractInt(data, 'target', 'at'), 'UTC'), at) AS sentAt,
    at, kind, from, packId, flags, contentKind, contentType, text, data, extra
FROM events
WHERE targetSeq > 0 OR kind = 'MessageAccepted';

-- What was taken back while it was copied is looked for and emptied once more.
INSERT INTO archive_strips (partition, offset) SELECT DISTINCT partition, -1 FROM archive_strips;
