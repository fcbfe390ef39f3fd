/** Makes the types of the partner client from /openapi.json; pure. */

interface Schema {
  $ref?: string
  const?: unknown
  enum?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  type?: string | string[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean | Schema
}

interface Operation {
  operationId: string
  summary?: string
  parameters?: { name: string; in: string; required?: boolean; schema: Schema }[]
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>
}

export interface Document {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

const JSON_TYPE = 'application/json'

/** The text of client/api/operations.ts. */
export function clientOperations({ paths, components }: Document): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
  )
  return [
    '// Made from /openapi.json by gateway/http/client-operations.test.ts; `npx vitest run -u client-operations` makes it anew.',
    '',
    ...Object.entries(components.schemas).map(([name, schema]) => `export type ${name} = ${typeOf(schema)}\n`),
    '/** What each operation takes and answers. */',
    'export interface Operations {',
    ...operations.map(
      operation => `  /** ${operation.summary ?? ''} */\n  ${operation.operationId}: ${callOf(operation)}`,
    ),
    '}',
    '',
    '/** Where each operation is. */',
    'export const OPERATIONS: Record<keyof Operations, { method: string; path: string }> = {',
    ...operations.map(({ operationId, method, path }) => `  ${operationId}: { method: '${method}', path: '${path}' },`),
    '}',
    '',
  ].join('\n')
}

function callOf({ parameters = [], requestBody, responses }: Operation): string {
  const fields = (place: string, name: string) => {
    const some = parameters.filter(parameter => parameter.in === place)
    const isOptional = some.every(({ required }) => required !== true)
    const types = some.map(one => `${key(one.name)}${one.required === true ? '' : '?'}: ${typeOf(one.schema)}`)
    return some.length === 0 ? [] : [`${name}${isOptional ? '?' : ''}: { ${types.join('; ')} }`]
  }
  const body = requestBody?.content[JSON_TYPE]?.schema
  const said = body === undefined ? [] : [`body${requestBody!.required === true ? '' : '?'}: ${typeOf(body)}`]
  const asked = [...fields('path', 'params'), ...fields('query', 'query'), ...said]
  const success = Object.entries(responses).find(([status]) => status.startsWith('2'))?.[1]
  const answer = success?.content?.[JSON_TYPE]?.schema
  return `{ call: { ${asked.join('; ')} }; answer: ${answer === undefined ? 'unknown' : typeOf(answer)} }`
}

function typeOf(schema: Schema): string {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1)!
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(value => JSON.stringify(value)).join(' | ')
  const branches = schema.anyOf ?? schema.oneOf
  if (branches !== undefined) return branches.map(branch => `(${typeOf(branch)})`).join(' | ')
  if (schema.allOf !== undefined) return schema.allOf.map(part => `(${typeOf(part)})`).join(' & ')
  if (Array.isArray(schema.type)) return schema.type.map(type => typeOf({ ...schema, type })).join(' | ')
  switch (schema.type) {
    case 'array':
      return `(${schema.items === undefined ? 'unknown' : typeOf(schema.items)})[]`
    case 'object':
      return objectOf(schema)
    case 'integer':
      return 'number'
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return schema.type
    default:
      return 'unknown'
  }
}

function objectOf({ properties, required = [], additionalProperties }: Schema): string {
  if (properties === undefined) {
    return `Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown'}>`
  }
  const fields = Object.entries(properties).map(
    ([name, schema]) => `${key(name)}${required.includes(name) ? '' : '?'}: ${typeOf(schema)}`,
  )
  return `{ ${fields.join('; ')} }`
}

function key(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)
}
