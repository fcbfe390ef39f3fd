/**
 * Finds all words of a list in a text, in one pass over the text however long the list is (Aho and Corasick, 1975).
 * Works on UTF-16 units, so that places are those of the string. One map holds every edge of the trie: a list of fifty
 * thousand words is half a million edges, and a map per node would weigh several times as much. Pure.
 */

export interface Match {
  /** Index in the list of words. */
  word: number
  start: number
  /** Behind the last unit. */
  end: number
}

const ROOT = 0
const UNITS = 65_536

export class WordFinder {
  private readonly edges = new Map<number, number>()
  /** The longest proper end of what a node stands for that is a node as well. */
  private readonly fail: number[] = [ROOT]
  /** The word that ends at a node, -1: none; and the next node with a word on the way of `fail`, ROOT: none. */
  private readonly ends: number[] = [-1]
  private readonly nextEnd: number[] = [ROOT]
  private readonly lengths: readonly number[]

  /** Empty words are never found. */
  constructor(words: readonly string[]) {
    this.lengths = words.map(({ length }) => length)
    words.forEach((word, index) => {
      if (word.length > 0) this.ends[this.insert(word)] = index
    })
    this.link()
  }

  private insert(word: string): number {
    let node = ROOT
    for (let at = 0; at < word.length; at++) {
      const edge = node * UNITS + word.charCodeAt(at)
      let child = this.edges.get(edge)
      if (child === undefined) {
        child = this.fail.push(ROOT) - 1
        this.ends.push(-1)
        this.nextEnd.push(ROOT)
        this.edges.set(edge, child)
      }
      node = child
    }
    return node
  }

  /** Breadth first: what a node fails to is nearer to the root, and linked before it. */
  private link(): void {
    const byDepth = this.edgesByDepth()
    for (const { node, unit, child } of byDepth) {
      const fail = node === ROOT ? ROOT : this.step(this.fail[node]!, unit)
      this.fail[child] = fail
      this.nextEnd[child] = this.ends[fail] === -1 ? this.nextEnd[fail]! : fail
    }
  }

  private edgesByDepth(): { node: number; unit: number; child: number }[] {
    const children = new Map<number, { node: number; unit: number; child: number }[]>()
    for (const [edge, child] of this.edges) {
      const node = Math.floor(edge / UNITS)
      const list = children.get(node) ?? []
      list.push({ node, unit: edge % UNITS, child })
      children.set(node, list)
    }
    const found = [...(children.get(ROOT) ?? [])]
    for (let at = 0; at < found.length; at++) found.push(...(children.get(found[at]!.child) ?? []))
    return found
  }

  private step(from: number, unit: number): number {
    for (let node = from; ; node = this.fail[node]!) {
      const child = this.edges.get(node * UNITS + unit)
      if (child !== undefined) return child
      if (node === ROOT) return ROOT
    }
  }

  /** Every place of every word, by where they end. */
  find(text: string): Match[] {
    const matches: Match[] = []
    let node = ROOT
    for (let at = 0; at < text.length; at++) {
      node = this.step(node, text.charCodeAt(at))
      for (let end = this.ends[node] === -1 ? this.nextEnd[node]! : node; end !== ROOT; end = this.nextEnd[end]!) {
        const word = this.ends[end]!
        matches.push({ word, start: at + 1 - this.lengths[word]!, end: at + 1 })
      }
    }
    return matches
  }
}
