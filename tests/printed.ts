/** What a command writes to standard output while it runs in this process; the exit code that it gives with it. */
export async function printedBy(run: () => Promise<number>): Promise<{ code: number; text: string }> {
  const parts: string[] = []
  const write = process.stdout.write
  process.stdout.write = (part: string | Uint8Array) => parts.push(String(part)) > 0
  try {
    const code = await run()
    return { code, text: parts.join('') }
  } finally {
    process.stdout.write = write
  }
}
