import { hash } from 'node:crypto'

/** 66 bits of SHA-1: enough to tell any two texts of one log apart. */
export function digest(text: string): string {
  return hash('sha1', text, 'base64').slice(0, 11)
}
