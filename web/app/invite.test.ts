import { afterEach, expect, test, vi } from 'vitest'
import type { SessionId } from '../../client/sdk.ts'
import { invitationLink, newSecret, parseInvitation } from './invite.ts'

afterEach(() => vi.unstubAllGlobals())

const invitation = {
  sessionId: 'g:climbers' as SessionId,
  inviteId: 'i1',
  secret: 's'.repeat(16),
  groupName: 'Climbers & co / 山',
}

test('[WEB20] what a link says is what was put into it', () => {
  vi.stubGlobal('location', { href: 'https://chat.example/#/chat/g%3Aclimbers' })
  const link = invitationLink(invitation)
  expect(link).toBe(
    `https://chat.example/#/join/g%3Aclimbers/i1/${'s'.repeat(16)}/Climbers%20%26%20co%20%2F%20%E5%B1%B1`,
  )
  expect(parseInvitation(` ${link}\n`)).toEqual(invitation)
  expect(parseInvitation(link.slice(link.indexOf('#')))).toEqual(invitation)
})

test('[WEB20] what is no invitation is none', () => {
  for (const text of [
    'climbers',
    '#/join/climbers/i1/s',
    '#/join/g%3Aclimbers/i1',
    '#/join/%/i1/s',
    '#/chat/g%3Aclimbers/1',
  ]) {
    expect(parseInvitation(text), text).toBeUndefined()
  }
})

test('[WEB20] a link without the name of the group is good as well', () => {
  expect(parseInvitation('#/join/g%3Aclimbers/i1/secret')).toMatchObject({ secret: 'secret', groupName: 'climbers' })
})

test('[WEB20] every secret is another one, long enough for the server', async () => {
  const [one, other] = await Promise.all([newSecret(), newSecret()])
  expect(one.secret).not.toBe(other.secret)
  expect(one.secret.length).toBeGreaterThanOrEqual(16)
  expect(one.secretHash).toMatch(/^[0-9a-f]{64}$/)
})
