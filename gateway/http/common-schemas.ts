import { z } from 'zod'
import type { GroupId, PackId, SessionId, UserId } from '../../schemas/ids.ts'
import { ID_PATTERN, PACK_ID_PATTERN } from './avro-schemas.ts'

/** Parts of paths and queries that many routes have. */

export const userIdSchema = z.string().regex(ID_PATTERN).describe('The id of a user.') as unknown as z.ZodType<UserId>
export const groupIdSchema = z
  .string()
  .regex(ID_PATTERN)
  .describe('The id of a group.') as unknown as z.ZodType<GroupId>
export const packIdSchema = z
  .string()
  .regex(PACK_ID_PATTERN)
  .describe('The id of a pack, a UUIDv7.') as unknown as z.ZodType<PackId>
export const sessionIdSchema = z
  .string()
  .regex(/^[sb]:[A-Za-z0-9._@-]{1,64}:[A-Za-z0-9._@-]{1,64}$|^[gu]:[A-Za-z0-9._@-]{1,64}$/)
  .describe('s:<a>:<b> with the two users in order, g:<group>, b:<app>:<user>.') as unknown as z.ZodType<SessionId>

export const userParams = z.strictObject({ userId: userIdSchema })
export const groupParams = z.strictObject({ groupId: groupIdSchema })
export const memberParams = z.strictObject({ groupId: groupIdSchema, userId: userIdSchema })
export const sessionParams = z.strictObject({ sessionId: sessionIdSchema })

const CURSOR_CHARS_MAX = 4_096

/** A whole number in a query. */
export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  return z.coerce.number<string>().int().min(min).max(max)
}

/** Where a list goes on. */
export function pageQuery(limitMax: number) {
  return z.strictObject({
    cursor: z
      .string()
      .min(1)
      .max(CURSOR_CHARS_MAX)
      .optional()
      .describe('The cursor of the page before; absent: from the beginning.'),
    limit: wholeNumber(1, limitMax).optional().describe(`At most so many, 1 to ${limitMax}.`),
  })
}

/** The same, of a list that can be asked for what has changed since. */
export function sinceQuery(limitMax: number) {
  return pageQuery(limitMax).extend({
    since: z
      .string()
      .min(1)
      .max(CURSOR_CHARS_MAX)
      .optional()
      .describe('The since of an earlier last page: only what has changed since then.'),
  })
}

const USERS_IN_QUERY = /^[A-Za-z0-9._@-]{1,64}(,[A-Za-z0-9._@-]{1,64}){0,199}$/

/** Users in a query, by commas. */
export const userIdsQuery = z.string().regex(USERS_IN_QUERY).describe('Up to 200 ids of users, separated by commas.')
