import type { ClickHouse } from '../../infra/clickhouse/clickhouse.ts'
import type { Millis } from '../../infra/clock.ts'
import type { GroupId, UserId } from '../../schemas/ids.ts'

/** Every group that there is or was, the newest first: for operators, who are in none of them. */
export interface GroupList {
  /** Groups behind this place. Rejects when the store cannot be reached. */
  page(request: { after?: GroupPlace; limit: number }): Promise<ListedGroup[]>
}

/** Where a page begins: behind this group. */
export interface GroupPlace {
  createdAt: Millis
  groupId: GroupId
}

export interface ListedGroup extends GroupPlace {
  name: string
  avatar: string
  createdBy: UserId
  dismissed: boolean
}

/** Behind no group. */
const BEGINNING: GroupPlace = { createdAt: Number.MAX_SAFE_INTEGER, groupId: '' as GroupId }

export class ClickHouseGroupList implements GroupList {
  private readonly clickhouse: ClickHouse

  constructor(clickhouse: ClickHouse) {
    this.clickhouse = clickhouse
  }

  async page({ after = BEGINNING, limit }: { after?: GroupPlace; limit: number }): Promise<ListedGroup[]> {
    const rows = await this.clickhouse.rows<Omit<ListedGroup, 'dismissed'> & { dismissed: number }>(
      `SELECT
        substring(sessionId, 3) AS groupId,
        toUnixTimestamp64Milli(minIf(at, kind = 'GroupCreated')) AS createdAt,
        anyIf(from, kind = 'GroupCreated') AS createdBy,
        argMaxIf(if(kind = 'GroupCreated', groupName, JSONExtractString(data, 'info', 'name')), seq, kind != 'GroupDismissed') AS name,
        argMaxIf(if(kind = 'GroupCreated', groupAvatar, JSONExtractString(data, 'info', 'avatar')), seq, kind != 'GroupDismissed') AS avatar,
        countIf(kind = 'GroupDismissed') > 0 AS dismissed
      FROM timeline_events FINAL
      WHERE sessionKind = 'Group' AND kind IN ('GroupCreated', 'GroupInfoUpdated', 'GroupDismissed')
      GROUP BY sessionId
      HAVING (createdAt, groupId) < ({createdAt: Int64}, {groupId: String})
      ORDER BY createdAt DESC, groupId DESC
      LIMIT {limit: UInt32}`,
      { ...after, limit },
    )
    return rows.map(row => ({ ...row, dismissed: Boolean(row.dismissed) }))
  }
}
