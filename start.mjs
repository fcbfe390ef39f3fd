import { prepare } from './infra/prepare.mjs'

/** `npm start`: installs and builds where needed, then starts the local stack and the product (infra/local/main.ts). */
prepare()
await import('./dist/infra/local/main.js')
