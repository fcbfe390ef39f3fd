-- What became of pushes, from im.pushes; archive-pushes.ts writes it. Several rows tell of one push.
CREATE TABLE IF NOT EXISTS pushes
(
    partition UInt16 COMMENT 'Partition of im.pushes',
    offset UInt64 COMMENT 'Offset on im.pushes; with partition the identity of the row',
    pushId String COMMENT 'The push: partition and offset of its event on im.events, and a hash of the device token',
    at DateTime64(3, 'UTC') COMMENT 'When it happened, UTC',
    userId String COMMENT 'Who was pushed to',
    sessionId String COMMENT 'Session of the event; empty where only the pushId is known (Opened, Delivered)',
    seq UInt64 COMMENT 'Seq of the event; 0 where it is not known',
    eventAt DateTime64(3, 'UTC') COMMENT 'Time of the event, UTC; 1970 where it is not known',
    serviceType UInt16 COMMENT 'Push service: 1 APNs, 2 Huawei, 3 Xiaomi, 4 Meizu, 5 vivo, 6 OPPO, 7 FCM, 8 Honor, 9 HTTPS; 0 where it is not known',
    packageName String COMMENT 'The app',
    deviceType UInt16 COMMENT 'Type of the device, as it was registered',
    deviceId String COMMENT 'Id of the device, as it was registered; never the token',
    attempt UInt16 COMMENT '0 is the first attempt',
    kind String COMMENT 'Attempted, Accepted, Failed, Delayed, Unknown, Cancelled, Withdrawn, Delivered or Opened',
    cause String COMMENT 'Of Failed: invalidToken, configError, rejected or old',
    detail String COMMENT 'What the vendor said, or its id of the message'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (partition, offset)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What became of pushes; read it with FINAL';

CREATE VIEW IF NOT EXISTS push_funnel
(
    day Date COMMENT 'Day of the first attempt, UTC',
    serviceType UInt16 COMMENT 'Push service, as in pushes',
    packageName String COMMENT 'The app',
    attempted UInt64 COMMENT 'Pushes that were sent or tried',
    accepted UInt64 COMMENT 'Taken by the vendor',
    delivered UInt64 COMMENT 'On the device, as the vendor says; only some vendors do',
    opened UInt64 COMMENT 'Opened by the user, as the client says',
    withdrawn UInt64 COMMENT 'Recalled or replaced because the message is gone',
    cancelled UInt64 COMMENT 'Not needed any more before they were sent again',
    deadTokens UInt64 COMMENT 'Failed because the token was dead',
    failed UInt64 COMMENT 'Failed for another reason',
    unknown UInt64 COMMENT 'Perhaps sent: never sent again'
)
AS SELECT
    toDate(begun) AS day,
    service AS serviceType,
    app AS packageName,
    count() AS attempted,
    countIf(has(kinds, 'Accepted')) AS accepted,
    countIf(has(kinds, 'Delivered')) AS delivered,
    countIf(has(kinds, 'Opened')) AS opened,
    countIf(has(kinds, 'Withdrawn')) AS withdrawn,
    countIf(has(kinds, 'Cancelled')) AS cancelled,
    countIf(has(causes, 'invalidToken')) AS deadTokens,
    countIf(has(kinds, 'Failed') AND NOT has(causes, 'invalidToken')) AS failed,
    countIf(has(kinds, 'Unknown')) AS unknown
FROM
(
    SELECT
        pushId,
        min(at) AS begun,
        max(serviceType) AS service,
        max(packageName) AS app,
        groupUniqArray(kind) AS kinds,
        groupUniqArray(cause) AS causes
    FROM pushes FINAL
    GROUP BY pushId
    HAVING service > 0
)
GROUP BY day, serviceType, packageName
COMMENT 'How many pushes come how far, by day, service and app';
