import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { describeRoutes } from './openapi.ts'
import { REFERENCE_PATH, serveReferencePage } from './reference-page.ts'

test('[HT31] the reference shows the description, and all that it loads is served here', async () => {
  const fastify = Fastify()
  describeRoutes(fastify, '1.0.0')
  serveReferencePage(fastify)
  const page = await fastify.inject(REFERENCE_PATH)
  expect(page.statusCode).toBe(200)
  expect(page.headers['content-security-policy']).toContain("default-src 'self'")
  const loaded = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!)
  expect(loaded.length).toBeGreaterThan(3)
  for (const path of loaded) {
    expect(path).toMatch(/^\.\//)
    const asset = await fastify.inject(REFERENCE_PATH + path.slice(2))
    expect(asset.statusCode, path).toBe(200)
    expect(asset.headers['x-content-type-options'], path).toBe('nosniff')
  }
  expect((await fastify.inject(`${REFERENCE_PATH}json`)).json()).toMatchObject({ openapi: '3.1.0' })
})
