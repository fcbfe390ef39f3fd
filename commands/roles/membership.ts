import type { Service } from '../../infra/service.ts'
import { makeMembershipView } from '../../processors/membership/main.ts'
import type { Context } from '../context.ts'
import { connectTo, viewService } from './parts.ts'

export async function makeServices(context: Context): Promise<Service[]> {
  const { random } = context
  const makeView = () => makeMembershipView({ connection: connectTo(context, 'membership'), random })
  return [viewService(context, { role: 'membership', makeView })]
}
