-- As before, from the table of the changes instead of all events.
CREATE OR REPLACE VIEW messages_now
(
    sessionId String COMMENT 'The session of the message',
    seq UInt64 COMMENT 'Position in the timeline of the session; with sessionId the identity of the message',
    sessionKind LowCardinality(String) COMMENT 'Single, Group or Notify',
    at DateTime64(3, 'UTC') COMMENT 'Log time at which the message was accepted, UTC',
    from String COMMENT 'The sender',
    packId UUID COMMENT 'Id of the pack that sent the message, a UUIDv7 made by the client',
    count UInt64 COMMENT 'Messages of the session that count as unread, this one included',
    flags UInt32 COMMENT 'Flags of the pack, see events.flags',
    deviceType Int32 COMMENT 'Type of the device that sent it, see messages.deviceType',
    deviceId String COMMENT 'The name that the client gives that device',
    gateway LowCardinality(String) COMMENT 'Name of the gateway process that appended the pack',
    state String COMMENT 'edited, revoked or deleted; empty where it is as it was sent',
    changedAt Nullable(DateTime64(3, 'UTC')) COMMENT 'Log time of the last change, UTC; NULL where there was none',
    changedBy String COMMENT 'Who changed it last; empty where nobody did',
    edits UInt64 COMMENT 'How often its content was changed',
    contentKind String COMMENT 'Kind of the content that it has now; Removed where it was taken back',
    contentType String COMMENT 'Custom content: the name that the app gives the type; empty otherwise',
    text String COMMENT 'Text that it has now; empty where it has none or was taken back',
    data String COMMENT 'Content that is more than text, as JSON; empty otherwise and where it was taken back',
    extra String COMMENT 'Mentions, quote, forward, and whether the server changed the content, as JSON; empty where there is none of it'
)
AS
SELECT
    m.sessionId AS sessionId, m.seq AS seq, m.sessionKind AS sessionKind, m.at AS at, m.from AS from, m.packId AS packId,
    m.count AS count, m.flags AS flags, m.deviceType AS deviceType, m.deviceId AS deviceId, m.gateway AS gateway,
    multiIf(c.change = 'MessageRevoked', 'revoked', c.change = 'MessageDeleted', 'deleted', c.change = 'MessageOverridden', 'edited', '') AS state,
    if(c.change = '', NULL, c.changeAt) AS changedAt,
    c.changeBy AS changedBy,
    c.edits AS edits,
    multiIf(state IN ('revoked', 'deleted'), 'Removed', state = 'edited', c.newKind, toString(m.contentKind)) AS contentKind,
    multiIf(state IN ('revoked', 'deleted'), '', state = 'edited', c.newType, m.contentType) AS contentType,
    multiIf(state IN ('revoked', 'deleted'), '', state = 'edited', c.newText, m.text) AS text,
    multiIf(state IN ('revoked', 'deleted'), '', state = 'edited', c.newData, m.data) AS data,
    multiIf(state IN ('revoked', 'deleted'), '', state = 'edited', c.newExtra, m.extra) AS extra
FROM (SELECT * FROM messages FINAL) AS m
LEFT JOIN
(
    SELECT
        sessionId, targetSeq,
        argMax(toString(e.kind), e.offset) AS change,
        argMax(e.at, e.offset) AS changeAt,
        argMax(e.from, e.offset) AS changeBy,
        countIf(e.kind = 'MessageOverridden') AS edits,
        argMax(toString(e.contentKind), e.offset) AS newKind,
        argMax(e.contentType, e.offset) AS newType,
        argMax(e.text, e.offset) AS newText,
        argMax(multiIf(e.contentKind = 'Text', '', e.contentKind = 'Custom', JSONExtractString(e.data, 'content', 'data'),
            JSONExtractRaw(e.data, 'content')), e.offset) AS newData,
        argMax(e.extra, e.offset) AS newExtra
    FROM message_changes AS e FINAL
    WHERE e.kind IN ('MessageRevoked', 'MessageDeleted', 'MessageOverridden')
    GROUP BY sessionId, targetSeq
) AS c ON m.sessionId = c.sessionId AND m.seq = c.targetSeq
COMMENT 'Messages with what became of them, one row each: the content that they have now, none where they were taken back';
