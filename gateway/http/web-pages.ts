import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

/** Names of bundled files hold a hash of what is in them. */
const HASHED = /\/assets\/[^/]+$/
const YEAR_SECONDS = 31_536_000

/** Everything comes from here, but pictures that people link to; no page of others may frame it. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' https: http: data: blob:",
  "media-src 'self' https: http: blob:",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self' ws: wss: http: https:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

/** What every page for people is sent with. */
export function pageHeaders(policy: string): Record<string, string> {
  return {
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
}

/** Where the console for operators is. */
export const CONSOLE_PATH = '/console/'

/** Where the build puts chat and console: beside the compiled sources. Undefined where it was not built. */
export function builtWebDir(): string | undefined {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  return [join(root, 'web'), join(root, 'dist', 'web')].find(dir => existsSync(join(dir, 'assets')))
}

/** Serves the web chat at `/`, and the console at CONSOLE_PATH. */
export function serveWebPages(fastify: FastifyInstance, dir: string): void {
  fastify.get(CONSOLE_PATH.slice(0, -1), (_request, reply) => reply.redirect(CONSOLE_PATH, 301))
  void fastify.register(fastifyStatic, {
    root: dir,
    prefix: '/',
    index: 'index.html',
    // A route for each file that is there: everything else stays a problem in JSON.
    wildcard: false,
    cacheControl: false,
    dotfiles: 'deny',
    setHeaders: (reply, path) => {
      const age = HASHED.test(path) ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache'
      reply.header('cache-control', age)
      for (const [name, value] of Object.entries(pageHeaders(POLICY))) reply.header(name, value)
    },
  })
}
