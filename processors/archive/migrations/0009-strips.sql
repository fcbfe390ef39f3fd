-- How far the tables are emptied of what was taken back; archive-stripper.ts says by whom and in which order.
CREATE TABLE IF NOT EXISTS archive_strips
(
    partition UInt16 COMMENT 'Partition of im.events',
    offset Int64 COMMENT 'Offset of the last event up to which everything that was revoked, deleted or erased is emptied',
    recordedAt DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'Time of the server when the row was written, UTC; the newest row counts'
)
ENGINE = ReplacingMergeTree(recordedAt)
ORDER BY partition
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'How far content that was taken back is emptied, by partition; read it with FINAL';

-- What was emptied is gone from the disk a minute later.
ALTER TABLE events MODIFY SETTING old_parts_lifetime = 60;

ALTER TABLE messages MODIFY SETTING old_parts_lifetime = 60;

ALTER TABLE message_changes MODIFY SETTING old_parts_lifetime = 60;

ALTER TABLE timeline_events MODIFY SETTING old_parts_lifetime = 60;
