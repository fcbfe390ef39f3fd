import { SEARCH_PAGE_MAX } from '../../schemas/frames.ts'
import { recordFields } from './avro-schemas.ts'
import { pageQuery, sessionIdSchema, userIdSchema, wholeNumber } from './common-schemas.ts'
import { type CallsNow, questionRoute } from './frame-routes.ts'
import type { Route } from './route.ts'

/** Search in what a user may see; an app that names no user searches every chat and group, and what it says itself. */
export function searchRoutes(calls: CallsNow): Route[] {
  const { words, contentKind } = recordFields('Search')
  return [
    questionRoute(calls, {
      tag: 'search',
      scope: 'search:read',
      actsFor: 'userOrApp',
      url: '/v1/search',
      id: 'searchMessages',
      frame: 'search',
      summary: 'Search in messages, the newest first',
      description:
        'By words, sender or kind of content, one of them at least. What was taken back or edited is not found as it was.',
      query: pageQuery(SEARCH_PAGE_MAX).extend({
        words: words!,
        sessionId: sessionIdSchema.optional().describe('Only in this session.'),
        from: userIdSchema.optional().describe('Only what this user sent.'),
        contentKind: contentKind!,
        sinceAt: wholeNumber(0).optional().describe('Sent at or after, ms.'),
        beforeAt: wholeNumber(0).optional().describe('Sent before, ms.'),
      }),
    }),
  ]
}
