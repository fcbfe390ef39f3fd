import { AwsV4Signer } from 'aws4fetch'
import { expect, test } from 'vitest'
import { rangeOf } from './object-store.ts'
import { signatureFault } from './sigv4.ts'

// The example of the documentation of S3 ("Authenticating Requests: Using Query Parameters").
const EXAMPLE = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
}
const AT = Date.UTC(2013, 4, 24)
const URL_SIGNED =
  '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
  '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host' +
  '&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'
const headers = { host: 'examplebucket.s3.amazonaws.com' }

test('[MD6] the documented example is right, and only until it expires', () => {
  const check = (now: number, change: { url?: string; method?: string } = {}) =>
    signatureFault({ method: 'GET', url: URL_SIGNED, headers, ...change }, EXAMPLE, now)
  expect(check(AT)).toBeUndefined()
  expect(check(AT + 86_399_000)).toBeUndefined()
  expect(check(AT + 86_400_000)).toBe('AccessDenied')
  expect(check(AT - 900_001)).toBe('RequestTimeTooSkewed')
  expect(check(AT, { method: 'PUT' })).toBe('SignatureDoesNotMatch')
  expect(check(AT, { url: URL_SIGNED.replace('test', 'best') })).toBe('SignatureDoesNotMatch')
  expect(check(AT, { url: URL_SIGNED.replace('86400', '86401') })).toBe('SignatureDoesNotMatch')
  expect(check(AT, { url: URL_SIGNED.replace('86400', '999999') })).toBe('AccessDenied')
  expect(check(AT, { url: URL_SIGNED.replace('AKIA', 'BKIA') })).toBe('InvalidAccessKeyId')
  expect(check(AT, { url: URL_SIGNED.replace('us-east-1', 'eu-west-1') })).toBe('AccessDenied')
  expect(check(AT, { url: '/test.txt' })).toBe('AccessDenied')
  expect(check(AT, { url: URL_SIGNED.replace(/Signature=.*/, 'Signature=zz') })).toBe('SignatureDoesNotMatch')
})

test('[MD6] what another library signs is right, strange keys and headers included; what is not signed does not count', async () => {
  const signer = new AwsV4Signer({
    method: 'PUT',
    url: "http://127.0.0.1:9000/media/a%20b/%C3%A9'(1)*!~?x=1%2F2&empty=",
    headers: { 'content-type': 'text/plain', 'x-amz-meta-a': '  two   words ' },
    ...EXAMPLE,
    service: 's3',
    datetime: '20130524T000000Z',
    signQuery: true,
    allHeaders: true,
  })
  const { url } = await signer.sign()
  const sent = { host: '127.0.0.1:9000', 'content-type': 'text/plain', 'x-amz-meta-a': 'two words' }
  const check = (more: Record<string, string>) =>
    signatureFault({ method: 'PUT', url: url.pathname + url.search, headers: { ...sent, ...more } }, EXAMPLE, AT)
  expect(check({ 'user-agent': 'x' })).toBeUndefined()
  expect(check({ 'content-type': 'text/html' })).toBe('SignatureDoesNotMatch')
  expect(check({ 'x-amz-acl': 'public-read' })).toBe('AccessDenied')
})

test('[MD6] a signature in the header is checked as well', async () => {
  const signer = new AwsV4Signer({
    method: 'GET',
    url: 'http://store/media/key',
    ...EXAMPLE,
    service: 's3',
    datetime: '20130524T000000Z',
    allHeaders: true,
  })
  const signed = await signer.sign()
  const sent = { host: 'store', ...Object.fromEntries(signed.headers) }
  const check = (more: Record<string, string>, now = AT) =>
    signatureFault({ method: 'GET', url: '/media/key', headers: { ...sent, ...more } }, EXAMPLE, now)
  expect(check({})).toBeUndefined()
  expect(check({}, AT + 900_000)).toBe('AccessDenied')
  expect(check({ 'x-amz-date': '20130525T000000Z' })).not.toBeUndefined()
  expect(check({ authorization: 'AWS4-HMAC-SHA256 nonsense' })).toBe('AccessDenied')
})

test.each([
  [undefined, undefined],
  ['bytes=0-4', { start: 0, end: 4 }],
  ['bytes=5-', { start: 5, end: 9 }],
  ['bytes=-3', { start: 7, end: 9 }],
  ['bytes=-30', { start: 0, end: 9 }],
  ['bytes=8-99', { start: 8, end: 9 }],
  ['bytes=10-', 'outside'],
  ['bytes=-0', 'outside'],
  ['bytes=5-4', undefined],
  ['bytes=-', undefined],
  ['bytes=1-2,4-5', undefined],
  ['lines=1-2', undefined],
])('[MD6] the range %s of ten bytes', (header, expected) => {
  expect(rangeOf(header, 10)).toEqual(expected)
})
