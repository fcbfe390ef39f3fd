import { clearScreenDown, createInterface, cursorTo, moveCursor } from 'node:readline'

/** Where the chat is shown and typed. */
export interface Screen {
  /** Adds a line for good. */
  print(line: string): void
  /** Lines that stand below everything else until they are replaced: what is being sent. */
  showPending(lines: readonly string[]): void
  showPrompt(text: string): void
  /** Gives what is typed, line by line; `ended` when there is no more input (or Ctrl-C, Ctrl-D). */
  listen(handlers: { line(text: string): void; ended(how: 'input' | 'interrupt'): void }): void
  close(): void
}

/**
 * A terminal. What is being sent and the prompt form one multi-line prompt of readline, so that readline itself
 * keeps the line that is being typed whole while others come in above it.
 */
export function terminalScreen(input: NodeJS.ReadStream, output: NodeJS.WriteStream): Screen {
  const readline = createInterface({ input, output, terminal: true, historySize: 100 })
  let pending: readonly string[] = []
  let prompt = '> '
  let closed = false

  const erase = () => {
    moveCursor(output, 0, -readline.getCursorPos().rows)
    cursorTo(output, 0)
    clearScreenDown(output)
  }
  const draw = () => {
    readline.setPrompt([...pending, prompt].join('\n'))
    readline.prompt(true)
  }
  const change = (between: () => void) => {
    if (closed) return
    erase()
    between()
    // Readline would otherwise go up over the lines that were just written.
    Object.assign(readline, { prevRows: 0 })
    draw()
  }

  return {
    print: line => change(() => output.write(`${line}\n`)),
    showPending: lines =>
      change(() => {
        pending = lines
      }),
    showPrompt: text =>
      change(() => {
        prompt = text
      }),
    listen: ({ line, ended }) => {
      draw()
      readline.on('line', text => {
        // What was typed is shown again as it is sent: the typed line itself goes.
        const wrapped = Math.floor(displayWidth(prompt + text) / Math.max(1, output.columns))
        moveCursor(output, 0, -(pending.length + wrapped + 1))
        cursorTo(output, 0)
        clearScreenDown(output)
        Object.assign(readline, { prevRows: 0 })
        draw()
        line(text)
      })
      readline.on('SIGINT', () => ended('interrupt'))
      readline.on('close', () => !closed && ended('interrupt'))
    },
    close: () => {
      if (closed) return
      erase()
      closed = true
      readline.close()
    },
  }
}

/** A pipe: lines in, plain lines out. */
export function plainScreen(input: NodeJS.ReadableStream, output: { write(text: string): unknown }): Screen {
  const readline = createInterface({ input, terminal: false })
  let shown: readonly string[] = []
  let closed = false
  return {
    print: line => void output.write(`${line}\n`),
    showPending: lines => {
      for (const line of lines) if (!shown.includes(line)) output.write(`${line}\n`)
      shown = lines
    },
    showPrompt: () => {},
    listen: ({ line, ended }) => {
      readline.on('line', line)
      readline.on('close', () => !closed && ended('input'))
    },
    close: () => {
      closed = true
      readline.close()
    },
  }
}

// Wide characters of East Asia, and emoji, take two columns.
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu

function displayWidth(text: string): number {
  return [...text].length + (text.match(WIDE)?.length ?? 0)
}
