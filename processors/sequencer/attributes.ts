import type { Attribute } from '../../schemas/settings.ts'

/** Names and values that apps keep with a group or a user. Pure. */

export const ATTRIBUTES_MAX = 64
export const ATTRIBUTE_NAME_CHARS_MAX = 64
export const ATTRIBUTE_VALUE_BYTES_MAX = 4_096
/** All names and values together: they stand in one event. */
export const ATTRIBUTES_BYTES_MAX = 65_536

/** What is there after a patch: those named are set, an empty value removes the name. In the order of the names. */
export function patchAttributes(before: readonly Attribute[] | undefined, patch: readonly Attribute[]): Attribute[] {
  const values = new Map((before ?? []).map(({ name, value }) => [name, value]))
  for (const { name, value } of patch) {
    if (value === '') values.delete(name)
    else values.set(name, value)
  }
  return [...values].map(([name, value]) => ({ name, value })).sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What is wrong with attributes; undefined where they may stand. */
export function attributesFault(attributes: readonly Attribute[]): string | undefined {
  if (attributes.length > ATTRIBUTES_MAX) return 'more attributes than there may be'
  let bytes = 0
  for (const { name, value } of attributes) {
    if (name === '' || name.length > ATTRIBUTE_NAME_CHARS_MAX) return 'the name of an attribute is empty or too long'
    const valueBytes = Buffer.byteLength(value)
    if (valueBytes > ATTRIBUTE_VALUE_BYTES_MAX) return 'the value of an attribute is too long'
    bytes += Buffer.byteLength(name) + valueBytes
  }
  return bytes > ATTRIBUTES_BYTES_MAX ? 'the attributes are too large together' : undefined
}
