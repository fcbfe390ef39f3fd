import { BadConfig } from '../../infra/config.ts'
import { LOGIN_POLICIES, type NumberRule, RULES_BOUNDS, RULES_DEFAULT, type Rules } from '../../schemas/pack.ts'

const NUMBERS = Object.keys(RULES_BOUNDS) as NumberRule[]
const NAMES: readonly string[] = [...NUMBERS, 'loginPolicy']

/**
 * The rules that PACKLOG_RULES_FILE holds: a JSON object with `version` and any of the values; those that it leaves
 * out have their defaults. Throws BadConfig that names everything that is wrong with it.
 */
export function parseRulesFile(text: string, file: string): Rules {
  const values = parseObject(text, file)
  const problems = Object.keys(values)
    .filter(name => !NAMES.includes(name))
    .map(name => `${name} is not one of ${NAMES.join(', ')}`)
  if (values.version === undefined) problems.push('version is missing')
  const rules = { ...RULES_DEFAULT }
  for (const name of NUMBERS) {
    const value = values[name]
    if (value === undefined) continue
    const [min, max] = RULES_BOUNDS[name]
    if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) rules[name] = Number(value)
    else problems.push(`${name} is not a whole number from ${min} to ${max}`)
  }
  const policy = LOGIN_POLICIES.find(name => name === values.loginPolicy)
  if (policy !== undefined) rules.loginPolicy = policy
  else if (values.loginPolicy !== undefined) problems.push(`loginPolicy is not one of ${LOGIN_POLICIES.join(', ')}`)
  if (problems.length > 0) {
    throw new BadConfig(`PACKLOG_RULES_FILE is malformed: ${file}:\n${problems.map(line => `  ${line}`).join('\n')}`)
  }
  return rules
}

function parseObject(text: string, file: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new BadConfig(`PACKLOG_RULES_FILE is malformed: ${file}: ${(error as Error).message}`)
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>
  throw new BadConfig(`PACKLOG_RULES_FILE is malformed: ${file}: it must hold one JSON object`)
}
