import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { pageHeaders } from './web-pages.ts'

/** The interactive reference of the API: Swagger UI over /openapi.json, with nothing from elsewhere. */

export const REFERENCE_PATH = '/reference/'

/** Swagger UI sets styles on elements and has its pictures as data. */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
].join('; ')

/** To be called after describeRoutes. */
export function serveReferencePage(fastify: FastifyInstance): void {
  fastify.register(async scope => {
    scope.addHook('onSend', async (_request, reply) => {
      reply.headers(pageHeaders(POLICY))
    })
    await scope.register(swaggerUi, {
      routePrefix: REFERENCE_PATH.slice(0, -1),
      theme: { title: 'packlog: the HTTP API' },
      uiConfig: {
        // Without the bar that asks for the address of another document.
        layout: 'BaseLayout',
        docExpansion: 'none',
        filter: true,
        displayRequestDuration: true,
        // A key that was entered is gone with the page.
        persistAuthorization: false,
      },
    })
  })
}
