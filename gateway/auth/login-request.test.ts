import { expect, test } from 'vitest'
import { readLogin } from './login-request.ts'

const url = '/v1/ws?deviceType=ios&deviceId=phone-1'
const read = (change: Partial<Parameters<typeof readLogin>[0]> = {}) =>
  readLogin({ url, authorization: 'Bearer abc', subprotocols: 'packlog.v1.json', ...change })

test('[AU3] path and subprotocol are ours, or it is not our protocol', () => {
  expect(read()).toEqual({ kind: 'Login', subprotocol: 'json', token: 'abc', device: { type: 1, id: 'phone-1' } })
  expect(read({ url: '/v2/ws' })).toEqual({ kind: 'NotFound' })
  expect(read({ url: '/v1/ws/' })).toEqual({ kind: 'NotFound' })
  expect(read({ subprotocols: undefined })).toEqual({ kind: 'NoSubprotocol' })
  expect(read({ subprotocols: 'mqtt, packlog.v9.json' })).toEqual({ kind: 'NoSubprotocol' })
  expect(read({ subprotocols: 'toString' })).toEqual({ kind: 'NoSubprotocol' })
  expect(read({ subprotocols: 'packlog.v1.avro,packlog.v1.json' })).toMatchObject({ subprotocol: 'avro' })
})

test('[AU3] the token is in a header or, for browsers, in a subprotocol', () => {
  const subprotocols = 'packlog.v1.json, packlog.token.x.y.z'
  expect(read({ authorization: undefined, subprotocols })).toMatchObject({ token: 'x.y.z' })
  expect(read({ subprotocols })).toMatchObject({ token: 'abc' })
  expect(read({ authorization: undefined })).toMatchObject({ token: undefined })
  expect(read({ authorization: 'Basic abc' })).toMatchObject({ token: undefined })
})

test('[AU4] the device has a known type and a valid id', () => {
  for (const query of [
    '',
    '?deviceType=ios',
    '?deviceId=x',
    '?deviceType=fridge&deviceId=x',
    '?deviceType=ios&deviceId=a%3Ab',
    '?deviceType=toString&deviceId=x',
  ]) {
    expect(read({ url: `/v1/ws${query}` }), query).toMatchObject({ kind: 'Login', device: undefined })
  }
})
