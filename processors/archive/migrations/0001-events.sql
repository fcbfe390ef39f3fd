-- One row per outcome on im.events, refusals and repeats included. The order key is the event's place in the log, so
-- that a row written twice is one row after FINAL, and so that a rebuild reads a partition in the log's own order.
-- `text`, `data` and the push columns hold what people wrote: they are never part of a key and can be emptied.
CREATE TABLE IF NOT EXISTS events
(
    partition UInt16 COMMENT 'Partition of im.events that holds the event' CODEC(ZSTD(1)),
    offset UInt64 COMMENT 'Offset of the event in its partition; with partition the identity of the row' CODEC(Delta, ZSTD(1)),
    causeEra Int32 COMMENT 'Era of the pack that the event answers; raised when a Kafka cluster is replaced' CODEC(ZSTD(1)),
    causeOffset UInt64 COMMENT 'Offset of that pack in the same partition of im.packs' CODEC(Delta, ZSTD(1)),
    at DateTime64(3, 'UTC') COMMENT 'Log time of the event, UTC; never falls within a partition' CODEC(Delta, ZSTD(1)),
    sessionId String COMMENT 'The session: s:<a>:<b>, g:<id>, b:<app>:<user>, u:<user> or a:<app>; empty where the pack could not be read' CODEC(ZSTD(1)),
    sessionKind LowCardinality(String) COMMENT 'Single, Group, Notify, User or App; empty for everything else',
    seq UInt64 COMMENT 'Position in the timeline of the session: 1, 2, 3, ...; 0 where the event takes none' CODEC(ZSTD(1)),
    count UInt64 COMMENT 'Messages of the session that count as unread, this event included; 0 for refusals' CODEC(ZSTD(1)),
    kind LowCardinality(String) COMMENT 'What happened: MessageAccepted, GroupCreated, MemberJoined, MemberQuit, MembersAdded, MembersRemoved, GroupDismissed, RulesSet, PackRefused or PackRepeated',
    code Int32 COMMENT 'Outcome code: 0 where the pack took effect, now or when it was first sent; see docs/protocol.md' CODEC(ZSTD(1)),
    reason String COMMENT 'PackRefused: what was wrong, in English, for people' CODEC(ZSTD(1)),
    firstSeq UInt64 COMMENT 'PackRepeated: seq of the first outcome; 0 otherwise' CODEC(ZSTD(1)),
    firstCount UInt64 COMMENT 'PackRepeated: count of the first outcome; 0 otherwise' CODEC(ZSTD(1)),
    firstAt DateTime64(3, 'UTC') COMMENT 'PackRepeated: log time of the first outcome; 1970-01-01 otherwise' CODEC(ZSTD(1)),
    packId UUID COMMENT 'Id of the pack, a UUIDv7 made by the client; all zeros where it is no UUID' CODEC(ZSTD(1)),
    packIdText String COMMENT 'The id of the pack as it was sent, where it is no UUID; empty otherwise' CODEC(ZSTD(1)),
    from String COMMENT 'User (or app) in whose name the pack was sent' CODEC(ZSTD(1)),
    actorKind LowCardinality(String) COMMENT 'Who really asked: USER, APP, OPERATOR or SYSTEM',
    actorId String COMMENT 'Id of the user, app or operator who really asked' CODEC(ZSTD(1)),
    deviceType Int32 COMMENT '1 iOS, 2 Android, 3 macOS, 4 Windows, 5 Linux, 6 web, 7 mini-program, 8 tablet, 9 HarmonyOS, 0 none' CODEC(ZSTD(1)),
    deviceId String COMMENT 'The name that the client gives its device; empty where there is none' CODEC(ZSTD(1)),
    gateway LowCardinality(String) COMMENT 'Name of the gateway process that appended the pack',
    flags UInt32 COMMENT 'Bits: 1 ACK, 2 DUP, 4 COUNTER (counts as unread), 8 OVERRIDE, 16 REVOKE, 32 HIGH_PRIORITY, 64 ONLINE_ONLY, 128 NO_PUSH' CODEC(ZSTD(1)),
    digest FixedString(16) COMMENT 'Digest of what the client said; tells a resend from a conflict' CODEC(ZSTD(1)),
    userIds Array(String) COMMENT 'GroupCreated: first members besides the owner; MembersAdded, MembersRemoved: whom' CODEC(ZSTD(1)),
    groupName String COMMENT 'GroupCreated: name of the group' CODEC(ZSTD(1)),
    groupAvatar String COMMENT 'GroupCreated: URL of the picture of the group; may be empty' CODEC(ZSTD(1)),
    groupNotice String COMMENT 'GroupCreated: notice to the members; may be empty' CODEC(ZSTD(1)),
    rules String COMMENT 'RulesSet: the rules as JSON; empty otherwise' CODEC(ZSTD(1)),
    contentKind LowCardinality(String) COMMENT 'MessageAccepted: Text or Custom; empty otherwise',
    contentType String COMMENT 'Custom content: the name that the app gives the type; empty otherwise' CODEC(ZSTD(1)),
    contentBytes UInt32 COMMENT 'UTF-8 bytes of text or data; stays when these are emptied' CODEC(ZSTD(1)),
    text String COMMENT 'Text content: the text. Empty for other kinds, and after an erasure' CODEC(ZSTD(1)),
    data String COMMENT 'Custom content: a JSON document. Empty for other kinds, and after an erasure' CODEC(ZSTD(1)),
    hasPushInfo Bool COMMENT 'Whether the client said what a push notification shows' CODEC(ZSTD(1)),
    pushTitle String COMMENT 'Title of the push notification. Empty where there is none, and after an erasure' CODEC(ZSTD(1)),
    pushSummary String COMMENT 'Text of the push notification. Empty where there is none, and after an erasure' CODEC(ZSTD(1)),
    pushUrl String COMMENT 'Where a tap on the push notification leads. Empty where there is none, and after an erasure' CODEC(ZSTD(1)),
    INDEX bySession sessionId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX byPack packId TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX byTime at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (partition, offset)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Every outcome of im.events, one row each; read it with FINAL';
