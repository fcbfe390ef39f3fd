/** Something that the person at the terminal has to know or to do; its message is printed as it is, without a stack. */
export class LocalStackError extends Error {
  override readonly name = 'LocalStackError'
}
