import { expect, test } from 'vitest'
import { isPublicAddress, isWithin, parseNetworks } from './addresses.ts'

test.each([
  '127.0.0.1',
  '127.8.8.8',
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '64:ff9b::7f00:1',
  'fc00::1',
  'fd12:3456::1',
  'fe80::1',
  'fec0::1',
  'ff02::1',
  '2002:7f00:1::1',
  '2001:db8::1',
  '2001::1',
  'localhost',
  '',
])('[WH8] %s is not public', address => {
  expect(isPublicAddress(address)).toBe(false)
})

test.each(['8.8.8.8', '172.15.0.1', '172.32.0.1', '192.0.1.1', '223.255.255.255', '2606:4700::1', '2a00:1450::1'])(
  '[WH8] %s is public',
  address => {
    expect(isPublicAddress(address)).toBe(true)
  },
)

test('[WH8] networks are allowed by their prefix, and what is none is refused', () => {
  const networks = parseNetworks(['127.0.0.0/8', 'fd00::/8'])
  expect(isWithin(networks, '127.1.2.3')).toBe(true)
  expect(isWithin(networks, 'fd12::1')).toBe(true)
  expect(isWithin(networks, '128.0.0.1')).toBe(false)
  expect(isWithin(networks, 'localhost')).toBe(false)
  for (const bad of ['127.0.0.1', '127.0.0.0/33', 'x/8', '/8', 'fd00::/129', '127.0.0.0/8/8']) {
    expect(() => parseNetworks([bad])).toThrow(RangeError)
  }
})
