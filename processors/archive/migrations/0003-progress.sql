-- How far the archive has come; archive-store.ts says who writes these rows and in which order.
CREATE TABLE IF NOT EXISTS archive_progress
(
    partition UInt16 COMMENT 'Partition of im.events',
    step Enum8('intent' = 1, 'done' = 2) COMMENT 'intent: the range is about to be inserted; done: it is stored',
    firstOffset UInt64 COMMENT 'Offset of the first event of the range',
    lastOffset UInt64 COMMENT 'Offset of the last event of the range; with step done: how far the archive has come',
    rows UInt32 COMMENT 'How many events the range holds',
    lastEra Int32 COMMENT 'Era of the cause of the last event',
    lastCause UInt64 COMMENT 'Offset of the cause of the last event',
    lastHash String COMMENT 'Chain hash after the last event, 16 hex digits; empty where it is not known',
    token String COMMENT 'Deduplication token of the insert that the range belongs to; other partitions may share it',
    partitions Array(UInt16) COMMENT 'All partitions that share it',
    recordedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'Time of the server when the row was written, UTC'
)
ENGINE = ReplacingMergeTree(lastOffset)
ORDER BY (partition, step)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The last intended and the last stored range of each partition; read it with FINAL';

CREATE TABLE IF NOT EXISTS archive_switches
(
    switchId UUID COMMENT 'One exchange of tables by a rebuild',
    step Enum8('begun' = 1, 'ended' = 2) COMMENT 'begun: writers hold still until it has ended or is too old; ended: they go on',
    recordedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'Time of the server when the row was written, UTC'
)
ENGINE = MergeTree
ORDER BY (recordedAt, switchId)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'When rebuilds put their tables in the place of the live ones';
