-- What is counted again and again, as views over exact rows: a table of sums would count a load twice that two owners of
-- a partition have both stored, while rows with a key are one after FINAL.
CREATE VIEW IF NOT EXISTS users_registered
(
    userId String COMMENT 'The user',
    firstDay Date COMMENT 'The day on which the user was first active, UTC: there is no other registration'
)
AS SELECT userId, min(day) AS firstDay FROM user_days GROUP BY userId
COMMENT 'When each user was first seen';

CREATE VIEW IF NOT EXISTS active_users
(
    period String COMMENT 'day, week or month',
    start Date COMMENT 'First day of the period; weeks begin on Monday',
    users UInt64 COMMENT 'Users who were active in it, see user_days',
    newUsers UInt64 COMMENT 'Those of them who were active for the first time'
)
AS
SELECT
    period, start, uniqExact(d.userId) AS users, uniqExactIf(d.userId, r.firstDay >= start AND r.firstDay = d.day) AS newUsers
FROM
(
    SELECT userId, day, arrayJoin([('day', day), ('week', toMonday(day)), ('month', toStartOfMonth(day))]) AS span,
        span.1 AS period, span.2 AS start
    FROM user_days
) AS d
INNER JOIN users_registered AS r ON d.userId = r.userId
GROUP BY period, start
COMMENT 'Active and new users by day, week and month';

CREATE VIEW IF NOT EXISTS messages_by_hour
(
    hour DateTime('UTC') COMMENT 'Beginning of the hour by log time, UTC',
    sessionKind LowCardinality(String) COMMENT 'Single, Group or Notify',
    contentKind LowCardinality(String) COMMENT 'Kind of the content as it was sent: Text, Image and so on',
    messages UInt64 COMMENT 'Messages that were sent, those that were taken back later included',
    senders UInt64 COMMENT 'Users who sent one',
    sessions UInt64 COMMENT 'Sessions that got one',
    contentBytes UInt64 COMMENT 'Bytes of their contents'
)
AS
SELECT
    toStartOfHour(toDateTime(at, 'UTC')) AS hour, sessionKind, m.contentKind AS contentKind, count() AS messages,
    uniqExact(m.from) AS senders, uniqExact(m.sessionId) AS sessions, sum(m.contentBytes) AS contentBytes
FROM messages AS m FINAL
GROUP BY hour, sessionKind, contentKind
COMMENT 'Messages by hour, kind of session and kind of content';

CREATE VIEW IF NOT EXISTS groups_by_day
(
    day Date COMMENT 'A day by log time, UTC',
    created UInt64 COMMENT 'Groups that were created on it',
    dismissed UInt64 COMMENT 'Groups that were dismissed on it',
    active UInt64 COMMENT 'Groups in which somebody wrote on it'
)
AS
SELECT
    day, uniqExactIf(sessionId, what = 'GroupCreated') AS created, uniqExactIf(sessionId, what = 'GroupDismissed') AS dismissed,
    uniqExactIf(sessionId, what = 'Message') AS active
FROM
(
    SELECT toDate(at) AS day, sessionId, toString(kind) AS what FROM timeline_events
    WHERE sessionKind = 'Group' AND kind IN ('GroupCreated', 'GroupDismissed')
    UNION ALL
    SELECT DISTINCT toDate(at) AS day, sessionId, 'Message' AS what FROM messages WHERE sessionKind = 'Group'
)
GROUP BY day
COMMENT 'Groups created, dismissed and active by day';

CREATE VIEW IF NOT EXISTS retention_by_week
(
    cohort Date COMMENT 'Monday of the week in which these users were first active',
    week UInt16 COMMENT 'Weeks since: 0 is that week itself',
    users UInt64 COMMENT 'Users of the cohort who were active in that week',
    cohortUsers UInt64 COMMENT 'Users of the cohort'
)
AS
SELECT cohort, week, users, max(users) OVER (PARTITION BY cohort) AS cohortUsers
FROM
(
    SELECT toMonday(r.firstDay) AS cohort, toUInt16(dateDiff('week', cohort, toMonday(d.day))) AS week, uniqExact(d.userId) AS users
    FROM user_days AS d
    INNER JOIN users_registered AS r ON d.userId = r.userId
    GROUP BY cohort, week
)
COMMENT 'Of those who came in a week, who was there in each week after it';

CREATE VIEW IF NOT EXISTS marks
(
    sessionId String COMMENT 'The session that was read or delivered',
    userId String COMMENT 'Whose mark it is',
    kind String COMMENT 'read or delivered',
    upTo UInt64 COMMENT 'Everything up to this seq',
    at DateTime64(3, 'UTC') COMMENT 'Log time at which it was first said, UTC'
)
AS
SELECT
    if(e.kind = 'SessionReadMarked', JSONExtractString(e.data, 'sessionId'), e.sessionId) AS sessionId,
    e.from AS userId, if(e.kind = 'DeliveredMarked', 'delivered', 'read') AS kind, JSONExtractUInt(e.data, 'seq') AS upTo,
    min(e.at) AS at
FROM events AS e
WHERE e.kind IN ('ReadMarked', 'DeliveredMarked', 'SessionReadMarked')
GROUP BY sessionId, userId, kind, upTo
COMMENT 'How far users have read, and devices have got, each session';

CREATE VIEW IF NOT EXISTS message_reach
(
    sessionId String COMMENT 'The single chat',
    seq UInt64 COMMENT 'Seq of the message',
    from String COMMENT 'The sender',
    toUser String COMMENT 'The other user of the chat',
    at DateTime64(3, 'UTC') COMMENT 'Log time of the message, UTC',
    deliveredAt Nullable(DateTime64(3, 'UTC')) COMMENT 'When a device of the other user said that it has it, UTC; NULL: not yet',
    readAt Nullable(DateTime64(3, 'UTC')) COMMENT 'When the other user had read it, UTC; NULL: not yet'
)
AS
SELECT
    m.sessionId AS sessionId, m.seq AS seq, m.from AS from, m.toUser AS toUser, m.at AS at,
    if(d.upTo = 0, NULL, d.at) AS deliveredAt, if(r.upTo = 0, NULL, r.at) AS readAt
FROM
(
    SELECT sessionId, seq, from, at, splitByChar(':', sessionId)[if(splitByChar(':', sessionId)[2] = from, 3, 2)] AS toUser
    FROM messages FINAL WHERE sessionKind = 'Single'
) AS m
ASOF LEFT JOIN (SELECT sessionId, userId, upTo, at FROM marks WHERE kind = 'delivered') AS d
    ON m.sessionId = d.sessionId AND m.toUser = d.userId AND m.seq <= d.upTo
ASOF LEFT JOIN (SELECT sessionId, userId, upTo, at FROM marks WHERE kind = 'read') AS r
    ON m.sessionId = r.sessionId AND m.toUser = r.userId AND m.seq <= r.upTo
COMMENT 'When messages of single chats reached the other user, one row each';

CREATE VIEW IF NOT EXISTS latency_by_day
(
    day Date COMMENT 'Day of the messages by log time, UTC',
    messages UInt64 COMMENT 'Messages of single chats',
    delivered UInt64 COMMENT 'Those that a device of the other user has',
    deliveredMsP50 Nullable(Float64) COMMENT 'Median of the time to that, ms; NULL where there are none',
    deliveredMsP95 Nullable(Float64) COMMENT 'The 95th percentile of it, ms',
    read UInt64 COMMENT 'Those that the other user has read',
    readMsP50 Nullable(Float64) COMMENT 'Median of the time to that, ms; NULL where there are none',
    readMsP95 Nullable(Float64) COMMENT 'The 95th percentile of it, ms'
)
AS
SELECT
    toDate(r.at) AS day, count() AS messages, countIf(r.deliveredAt IS NOT NULL) AS delivered,
    quantileExactOrNullIf(0.5)(toFloat64(dateDiff('millisecond', r.at, assumeNotNull(r.deliveredAt))), r.deliveredAt IS NOT NULL) AS deliveredMsP50,
    quantileExactOrNullIf(0.95)(toFloat64(dateDiff('millisecond', r.at, assumeNotNull(r.deliveredAt))), r.deliveredAt IS NOT NULL) AS deliveredMsP95,
    countIf(r.readAt IS NOT NULL) AS read,
    quantileExactOrNullIf(0.5)(toFloat64(dateDiff('millisecond', r.at, assumeNotNull(r.readAt))), r.readAt IS NOT NULL) AS readMsP50,
    quantileExactOrNullIf(0.95)(toFloat64(dateDiff('millisecond', r.at, assumeNotNull(r.readAt))), r.readAt IS NOT NULL) AS readMsP95
FROM message_reach AS r
GROUP BY day
COMMENT 'How long messages of single chats took to a device of the other user, and to be read';
