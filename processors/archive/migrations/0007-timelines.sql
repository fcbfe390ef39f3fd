-- What the gateway asks for when history in Redis ends, and what statistics are made of: narrow copies of events, each
-- in the order of its question. They are filled in the insert that fills events, under the same deduplication token, and
-- a row that comes twice is one row after FINAL. What was there before is copied at the end of this file; a copy that is
-- made again changes nothing.
CREATE TABLE IF NOT EXISTS timeline_events
(
    sessionId String COMMENT 'The session of the event' CODEC(ZSTD(1)),
    seq UInt64 COMMENT 'Position in the timeline of the session; with sessionId the identity of the event' CODEC(Delta, ZSTD(1)),
    sessionKind LowCardinality(String) COMMENT 'Single, Group, Notify, User or App',
    partition UInt16 COMMENT 'Partition of im.events that holds the session' CODEC(ZSTD(1)),
    offset UInt64 COMMENT 'Offset of the event in its partition' CODEC(ZSTD(1)),
    count UInt64 COMMENT 'Messages of the session that count as unread, as of this event' CODEC(Delta, ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'Log time of the event, UTC' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'What happened, see events.kind; messages and what changed them are in tables of their own',
    from String COMMENT 'User (or app) in whose name the pack was sent' CODEC(ZSTD(1)),
    packId UUID COMMENT 'Id of the pack, a UUIDv7 made by the client' CODEC(ZSTD(1)),
    flags UInt32 COMMENT 'Flags of the pack, see events.flags' CODEC(ZSTD(1)),
    userIds Array(String) COMMENT 'GroupCreated: first members besides the owner; MembersAdded, MembersRemoved: whom' CODEC(ZSTD(1)),
    groupName String COMMENT 'GroupCreated: name of the group' CODEC(ZSTD(1)),
    groupAvatar String COMMENT 'GroupCreated: URL of the picture of the group; may be empty' CODEC(ZSTD(1)),
    groupNotice String COMMENT 'GroupCreated: notice to the members; may be empty' CODEC(ZSTD(1)),
    data String COMMENT 'Everything else that the event says, as JSON. Empty where there is none, and after an erasure' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY toYYYYMM(at)
ORDER BY (sessionId, seq)
SETTINGS non_replicated_deduplication_window = 1000, min_parts_to_merge_at_once = 10
COMMENT 'What stands in timelines besides messages and changes of messages, one row each; read it with FINAL';

CREATE MATERIALIZED VIEW IF NOT EXISTS timeline_events_from_events TO timeline_events AS
SELECT
    sessionId, seq, sessionKind, partition, offset, count, at, kind, from, packId, flags, userIds, groupName, groupAvatar,
    groupNotice, data
FROM events
WHERE seq > 0 AND targetSeq = 0 AND kind != 'MessageAccepted';

CREATE TABLE IF NOT EXISTS message_changes
(
    sessionId String COMMENT 'The session of the message' CODEC(ZSTD(1)),
    targetSeq UInt64 COMMENT 'Seq of the message that was changed' CODEC(Delta, ZSTD(1)),
    seq UInt64 COMMENT 'Position of the change in the timeline of the session; the highest one counts' CODEC(Delta, ZSTD(1)),
    sessionKind LowCardinality(String) COMMENT 'Single, Group or Notify',
    partition UInt16 COMMENT 'Partition of im.events that holds the session' CODEC(ZSTD(1)),
    offset UInt64 COMMENT 'Offset of the event in its partition' CODEC(ZSTD(1)),
    count UInt64 COMMENT 'Messages of the session that count as unread, as of this event' CODEC(Delta, ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'Log time of the change, UTC' CODEC(Delta, ZSTD(1)),
    targetAt DateTime64(3, 'UTC') COMMENT 'Log time of the message that was changed, UTC; 1970-01-01 after an erasure' CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String) COMMENT 'MessageRevoked, MessageDeleted, MessageOverridden, ReactionAdded or ReactionRemoved',
    from String COMMENT 'Who changed it' CODEC(ZSTD(1)),
    packId UUID COMMENT 'Id of the pack, a UUIDv7 made by the client' CODEC(ZSTD(1)),
    flags UInt32 COMMENT 'Flags of the pack, see events.flags' CODEC(ZSTD(1)),
    contentKind LowCardinality(String) COMMENT 'MessageOverridden: kind of the new content; empty otherwise',
    contentType String COMMENT 'MessageOverridden by Custom content: the name that the app gives the type; empty otherwise' CODEC(ZSTD(1)),
    contentBytes UInt32 COMMENT 'MessageOverridden: UTF-8 bytes of the new text or data; stays when these are emptied' CODEC(ZSTD(1)),
    text String COMMENT 'MessageOverridden: the new text. Empty for other kinds, and after an erasure' CODEC(ZSTD(1)),
    data String COMMENT 'Everything that the change says, the target and the new content included, as JSON. Empty after an erasure' CODEC(ZSTD(1)),
    extra String COMMENT 'MessageOverridden: mentions, quote, forward, and whether the server changed the content, as JSON; empty where there is none of it' CODEC(ZSTD(1)),
    INDEX textWords lower(text) TYPE text(tokenizer = asciiCJK),
    INDEX textPairs lowerUTF8(text) TYPE text(tokenizer = ngrams(2))
)
ENGINE = ReplacingMergeTree(offset)
PARTITION BY toYYYYMM(at)
ORDER BY (sessionId, targetSeq, seq)
SETTINGS non_replicated_deduplication_window = 1000, min_parts_to_merge_at_once = 10
COMMENT 'What became of messages: revokes, deletes, edits and reactions, one row each; read it with FINAL';

CREATE MATERIALIZED VIEW IF NOT EXISTS message_changes_from_events TO message_changes AS
SELECT
    sessionId, targetSeq, seq, sessionKind, partition, offset, count, at,
    fromUnixTimestamp64Milli(JSONExtractInt(data, 'target', 'at'), 'UTC') AS targetAt,
    kind, from, packId, flags, contentKind, contentType, contentBytes, text, data, extra
FROM events
WHERE targetSeq > 0;

CREATE TABLE IF NOT EXISTS member_changes
(
    userId String COMMENT 'Who came or went' CODEC(ZSTD(1)),
    sessionId String COMMENT 'The session' CODEC(ZSTD(1)),
    seq UInt64 COMMENT 'Seq of the event in the session' CODEC(Delta, ZSTD(1)),
    sessionKind LowCardinality(String) COMMENT 'Single, Group or Notify',
    isIn Bool COMMENT 'true: is in from here on; false: is out behind this event',
    kind LowCardinality(String) COMMENT 'The event that says so; of a session that is no group its first one',
    partition UInt16 COMMENT 'Partition of im.events that holds the session' CODEC(ZSTD(1)),
    offset UInt64 COMMENT 'Offset of the event in its partition' CODEC(ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'Log time of the event, UTC' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(offset)
ORDER BY (userId, sessionId, seq)
SETTINGS non_replicated_deduplication_window = 1000, min_parts_to_merge_at_once = 10
COMMENT 'Who came into a session and left it, one row for each user and event; read it with FINAL';

CREATE MATERIALIZED VIEW IF NOT EXISTS member_changes_from_events TO member_changes AS
SELECT
    arrayJoin(multiIf(
        sessionKind = 'Single', arraySlice(splitByChar(':', sessionId), 2),
        sessionKind = 'Notify', [splitByChar(':', sessionId)[3]],
        kind = 'GroupCreated', arrayDistinct(arrayConcat([from], userIds)),
        kind IN ('MembersAdded', 'MembersRemoved'), userIds,
        [from])) AS userId,
    sessionId, seq, sessionKind, kind NOT IN ('MemberQuit', 'MembersRemoved') AS isIn, kind, partition, offset, at
FROM events
WHERE (seq = 1 AND sessionKind IN ('Single', 'Notify'))
    OR (sessionKind = 'Group' AND kind IN ('GroupCreated', 'MemberJoined', 'MembersAdded', 'MemberQuit', 'MembersRemoved'));

CREATE TABLE IF NOT EXISTS user_days
(
    day Date COMMENT 'A day by log time, UTC' CODEC(Delta, ZSTD(1)),
    userId String COMMENT 'A user who did something on that day that the log took: wrote, read, joined, changed something' CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (day, userId)
SETTINGS non_replicated_deduplication_window = 1000, min_parts_to_merge_at_once = 10
COMMENT 'Who was active on which day, one row each; read it with FINAL';

CREATE MATERIALIZED VIEW IF NOT EXISTS user_days_from_events TO user_days AS
SELECT DISTINCT toDate(at) AS day, from AS userId
FROM events
WHERE actorKind = 'USER' AND kind NOT IN ('PackRefused', 'PackRepeated');

-- The words are those of ASCII letters and digits, also between characters of other scripts; everything else is found by
-- pairs of characters.
ALTER TABLE messages DROP INDEX IF EXISTS textWords;

ALTER TABLE messages DROP INDEX IF EXISTS textPairs;

ALTER TABLE messages ADD INDEX IF NOT EXISTS textWords lower(text) TYPE text(tokenizer = asciiCJK);

ALTER TABLE messages ADD INDEX IF NOT EXISTS textPairs lowerUTF8(text) TYPE text(tokenizer = ngrams(2));

ALTER TABLE messages MATERIALIZE INDEX textWords;

ALTER TABLE messages MATERIALIZE INDEX textPairs;

INSERT INTO timeline_events SELECT
    sessionId, seq, sessionKind, partition, offset, count, at, kind, from, packId, flags, userIds, groupName, groupAvatar,
    groupNotice, data
FROM events
WHERE seq > 0 AND targetSeq = 0 AND kind != 'MessageAccepted';

INSERT INTO message_changes SELECT
    sessionId, targetSeq, seq, sessionKind, partition, offset, count, at,
    fromUnixTimestamp64Milli(JSONExtractInt(data, 'target', 'at'), 'UTC') AS targetAt,
    kind, from, packId, flags, contentKind, contentType, contentBytes, text, data, extra
FROM events
WHERE targetSeq > 0;

INSERT INTO member_changes SELECT
    arrayJoin(multiIf(
        sessionKind = 'Single', arraySlice(splitByChar(':', sessionId), 2),
        sessionKind = 'Notify', [splitByChar(':', sessionId)[3]],
        kind = 'GroupCreated', arrayDistinct(arrayConcat([from], userIds)),
        kind IN ('MembersAdded', 'MembersRemoved'), userIds,
        [from])) AS userId,
    sessionId, seq, sessionKind, kind NOT IN ('MemberQuit', 'MembersRemoved') AS isIn, kind, partition, offset, at
FROM events
WHERE (seq = 1 AND sessionKind IN ('Single', 'Notify'))
    OR (sessionKind = 'Group' AND kind IN ('GroupCreated', 'MemberJoined', 'MembersAdded', 'MemberQuit', 'MembersRemoved'));

INSERT INTO user_days SELECT DISTINCT toDate(at) AS day, from AS userId
FROM events
WHERE actorKind = 'USER' AND kind NOT IN ('PackRefused', 'PackRepeated');
