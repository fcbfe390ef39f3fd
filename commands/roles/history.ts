import type { Service } from '../../infra/service.ts'
import { makeHistoryView } from '../../processors/history/main.ts'
import type { Context } from '../context.ts'
import { connectTo, viewService } from './parts.ts'

export async function makeServices(context: Context): Promise<Service[]> {
  const { config, random, logger, metrics } = context
  const options = { random, logger, metrics, options: config.history }
  const makeView = () => makeHistoryView({ connection: connectTo(context, 'history'), ...options })
  return [viewService(context, { role: 'history', makeView })]
}
