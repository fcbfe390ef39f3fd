import { readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { parseSync } from 'vite'

/**
 * Makes the reference of the SDK from its sources: what a module exports, with its signature and what stands in the
 * comment above it. A member of a class that is private, or has no comment because an interface says what it does, is
 * left out.
 */

export interface Entry {
  module: string
  /** What it is for, in a line. */
  about: string
}

export interface Reference {
  markdown: string
  /** Exports and public methods of exported classes that nothing is said about, as `module: name`. */
  undocumented: string[]
}

interface Declaration {
  name: string
  module: string
  signature: string
  comment: string | undefined
  members: Member[]
}

interface Member {
  name: string
  signature: string
  comment: string | undefined
}

/** What is used of a node of the syntax tree; oxc gives ESTree with types. */
interface Node {
  type: string
  start: number
  end: number
  id?: { name: string }
  key?: { name?: string }
  kind?: string
  accessibility?: string
  computed?: boolean
  declaration?: Node
  declarations?: Node[]
  init?: Node
  source?: { value: string }
  implements?: unknown[]
  specifiers?: { local: { name: string }; exported: { name: string } }[]
  body?: Node & { body?: Node[] }
  value?: Node & { body?: Node }
}

export function makeReference(entries: readonly Entry[], root: string): Reference {
  const sources = new Sources(root)
  const undocumented: string[] = []
  const shown = new Set<string>()
  const chapters = entries.map(({ module, about }) => {
    const declarations = sources.exportsOf(module).filter(({ name, module: from }) => {
      const key = `${from} ${name}`
      return !shown.has(key) && shown.add(key)
    })
    for (const declaration of declarations) undocumented.push(...silences(declaration))
    const contents = declarations.map(({ name }) => `[${name}](#${name.toLowerCase()})`).join(', ')
    return [`## ${module}`, about, contents, ...declarations.map(render)].join('\n\n')
  })
  return { markdown: `${chapters.join('\n\n')}\n`, undocumented }
}

function silences({ name, module, comment, members }: Declaration): string[] {
  const silent = members.filter(member => member.comment === undefined).map(member => `${name}.${member.name}`)
  return [...(comment === undefined ? [name] : []), ...silent].map(one => `${module}: ${one}`)
}

function render({ name, comment, signature, members }: Declaration): string {
  const parts = [`### ${name}`, comment, codeBlock(signature)]
  for (const member of members) parts.push(`#### ${name}.${member.name}`, member.comment, codeBlock(member.signature))
  return parts.filter(part => part !== undefined).join('\n\n')
}

function codeBlock(text: string): string {
  return `\`\`\`ts\n${text}\n\`\`\``
}

class Sources {
  private readonly files = new Map<string, { text: string; body: Node[] }>()
  private readonly root: string

  constructor(root: string) {
    this.root = root
  }

  /** Everything that a module exports, in its order, wherever it is declared. */
  exportsOf(module: string): Declaration[] {
    return this.read(module).body.flatMap(statement => {
      if (statement.type !== 'ExportNamedDeclaration') return []
      if (statement.declaration != null) return this.declared(module, statement)
      if (statement.source == null) return []
      const from = normalize(join(dirname(module), statement.source.value))
      return (statement.specifiers ?? []).map(({ local }) => this.find(from, local.name))
    })
  }

  private find(module: string, name: string): Declaration {
    const found = this.exportsOf(module).find(declaration => declaration.name === name)
    if (found === undefined) throw new Error(`${module} does not export ${name}`)
    return found
  }

  private declared(module: string, statement: Node): Declaration[] {
    const { text } = this.read(module)
    const declaration = statement.declaration!
    const comment = commentBefore(text, statement.start)
    const one = (name: string, signature: string, members: Member[] = []) => [
      { name, module, signature, comment, members },
    ]
    const name = declaration.id?.name ?? ''
    const upTo = (end: number) => text.slice(declaration.start, end).trim()
    switch (declaration.type) {
      case 'TSInterfaceDeclaration':
      case 'TSTypeAliasDeclaration':
        return one(name, upTo(declaration.end))
      case 'FunctionDeclaration':
        return one(name, upTo(declaration.body!.start))
      case 'ClassDeclaration':
        return one(name, upTo(declaration.body!.start) + constructorOf(declaration, text), membersOf(declaration, text))
      case 'VariableDeclaration':
        return declaration.declarations!.flatMap(({ id, start, end, init }) => {
          const typed = text.slice(start, init?.start ?? end).replace(/\s*=\s*$/, '')
          return one(id!.name, `const ${typed.includes(':') ? typed : text.slice(start, end)}`)
        })
      default:
        throw new Error(`${module}: nothing is known of ${declaration.type}`)
    }
  }

  private read(module: string): { text: string; body: Node[] } {
    let file = this.files.get(module)
    if (file === undefined) {
      const text = readFileSync(join(this.root, module), 'utf8')
      file = { text, body: parseSync(module, text).program.body as unknown as Node[] }
      this.files.set(module, file)
    }
    return file
  }
}

/** How one is made; nothing where the constructor is that of the class above. */
function constructorOf({ body }: Node, text: string): string {
  const made = body!.body!.find(({ kind, accessibility }) => kind === 'constructor' && accessibility !== 'private')
  return made === undefined ? '' : ` {\n  ${text.slice(made.start, made.value!.body!.start).trim()}\n}`
}

function membersOf({ body, implements: ports = [] }: Node, text: string): Member[] {
  return (body!.body ?? []).flatMap(member => {
    const name = member.key?.name
    if (name === undefined || member.accessibility === 'private' || member.kind === 'constructor') return []
    if (/^override\b/.test(text.slice(member.start))) return []
    const comment = commentBefore(text, member.start)
    if (comment === undefined && ports.length > 0) return []
    const end = member.value?.body?.start ?? member.end
    return [
      { name, signature: dedent(text.slice(member.start, end).trim()), comment: commentBefore(text, member.start) },
    ]
  })
}

/** The `/** ... *\/` that ends right before a place. */
function commentBefore(text: string, end: number): string | undefined {
  const before = text.slice(0, end).trimEnd()
  if (!before.endsWith('*/')) return undefined
  const comment = before.slice(before.lastIndexOf('/*'))
  if (!comment.startsWith('/**')) return undefined
  const lines = comment.slice(3, -2).split('\n')
  return lines
    .map(line => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim()
}

/** Lines after the first as far to the left as they go. */
function dedent(text: string): string {
  const [first, ...rest] = text.split('\n')
  const indents = rest.filter(line => line.trim() !== '').map(line => /^ */.exec(line)![0].length)
  const least = indents.length === 0 ? 0 : Math.min(...indents)
  return [first, ...rest.map(line => line.slice(least))].join('\n')
}
