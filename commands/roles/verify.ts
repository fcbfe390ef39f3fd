import type { Service } from '../../infra/service.ts'
import { Verifier } from '../../verify/verifier.ts'
import { verify } from '../../verify/verify.ts'
import type { Context } from '../context.ts'
import { verification } from '../verify.ts'

export async function makeServices(context: Context): Promise<Service[]> {
  const { config, clock, logger, metrics } = context
  const { options, report } = await verification(context)
  const compare = async () => {
    const result = await verify(options)
    await report(result)
    return result
  }
  return [new Verifier({ verify: compare, everyMs: config.verifyEveryMs, clock, logger, metrics })]
}
