import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { serveWebPages } from './web-pages.ts'

function served() {
  const dir = mkdtempSync(join(tmpdir(), 'packlog-web-'))
  mkdirSync(join(dir, 'assets'))
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>chat</title>')
  writeFileSync(join(dir, 'assets', 'index-1a2b.js'), 'export {}')
  mkdirSync(join(dir, 'console'))
  writeFileSync(join(dir, 'console', 'index.html'), '<!doctype html><title>console</title>')
  writeFileSync(join(dir, '.secret'), 'no')
  const fastify = Fastify()
  serveWebPages(fastify, dir)
  return fastify
}

test('[WEB6] the page is asked for again, its bundles are kept, and nothing comes from elsewhere', async () => {
  const fastify = served()
  const page = await fastify.inject('/')
  expect(page.headers).toMatchObject({
    'content-type': expect.stringContaining('text/html'),
    'cache-control': 'no-cache',
    'content-security-policy': expect.stringContaining("default-src 'self'"),
    'x-content-type-options': 'nosniff',
  })
  const bundle = await fastify.inject('/assets/index-1a2b.js')
  expect(bundle.headers['cache-control']).toContain('immutable')
})

test('[CON3] the console comes with the same policy, with and without the last slash', async () => {
  const fastify = served()
  const page = await fastify.inject('/console/')
  expect(page.body).toContain('console')
  expect(page.headers['content-security-policy']).toContain("default-src 'self'")
  expect((await fastify.inject('/console')).headers.location).toBe('/console/')
})

test('[WEB6] nothing outside of the bundle is served', async () => {
  const fastify = served()
  for (const path of ['/.secret', '/../package.json', '/%2e%2e/package.json', '/nothing']) {
    expect((await fastify.inject(path)).statusCode, path).toBe(404)
  }
})
