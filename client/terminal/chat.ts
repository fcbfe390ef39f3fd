import type { Clock, Random } from '../../infra/clock.ts'
import type { EventFrame, MessageFilter, SessionSummary } from '../../schemas/frames.ts'
import type { PackId, Seq, SessionId } from '../../schemas/ids.ts'
import { Flag, type InviteUse } from '../../schemas/pack.ts'
import type { Client, PackRequest } from '../network/client.ts'
import type { Phase } from '../network/link.ts'
import type { PackAnswer } from '../network/pending-packs.ts'
import { BadArguments } from './arguments.ts'
import { COMMANDS_HELP, type Command, HISTORY_LINES, parseCommand } from './commands.ts'
import { isNobodyThere } from './find-server.ts'
import type { RunCommand } from './group-commands.ts'
import { GroupRunner } from './group-runner.ts'
import { type MessageCommand, messageRequest, ShownMessages } from './message-commands.ts'
import { PeopleRunner } from './people-runner.ts'
import { Questioner } from './questioner.ts'
import { type ReadingCommand, readingRequest } from './reading-commands.ts'
import {
  alarm,
  asideLine,
  dim,
  elsewhereLine,
  eventLine,
  memberLine,
  readersLine,
  type Style,
  sendingLine,
  sessionLabel,
  sessionLine,
} from './render.ts'
import type { Screen } from './screen.ts'
import { foundLine } from './search-command.ts'

/**
 * One person's terminal: conversations in, lines out.
 *
 * A conversation is opened by reading its last lines from history and then following it above the last one that was
 * shown; what comes in between is left out, because it comes again. From there on the client's own order holds: each
 * seq once, rising, over any number of reconnects, so that nothing here has to remember what was printed.
 */

/** How long unsent messages may keep the program alive after the end of the input, in ms. */
export const LAST_WORDS_MS_MAX = 30_000
const LAST_WORDS_POLL_MS = 20
/** Older lines that are shown of a conversation that began while there was no connection. */
const DISCOVERED_LINES_MAX = 20

interface Opened {
  sessionId: SessionId
  /** False while its history is being read. */
  isLive: boolean
  /** True when everything between that history and now is shown as well. */
  isComplete: boolean
  /** The lowest seq that is shown; 0 while nothing is. */
  oldestSeq: Seq
  /** Lines above this seq that are not one's own are new. */
  readSeq: Seq
  markedUnread: boolean
}

function opening(sessionId: SessionId): Opened {
  return {
    sessionId,
    isLive: false,
    isComplete: false,
    oldestSeq: 0,
    readSeq: Number.MAX_SAFE_INTEGER,
    markedUnread: false,
  }
}

type GroupCommand = RunCommand | Extract<Command, { kind: 'Members' | 'Quit' | 'Dismiss' | 'Add' | 'Remove' }>
type HereCommand = GroupCommand | Extract<Command, { kind: 'Say' | 'History' | 'OnMessage' | 'Reading' }>

export interface ChatOptions {
  client: Client
  screen: Screen
  clock: Clock
  random: Random
  style: Style
  /** What to open first. */
  sessionId: SessionId | undefined
  /** What to send before anything else. */
  first: PackRequest | undefined
  /** Said where the server cannot be reached at all. */
  serverHint: string
}

export class Chat {
  private readonly client: Client
  private readonly screen: Screen
  private readonly clock: Clock
  private readonly style: Style
  private readonly options: ChatOptions
  private readonly questioner: Questioner
  private readonly groups: GroupRunner
  private readonly people: PeopleRunner
  private opened: Opened | undefined
  private readonly shown = new ShownMessages()
  private readonly sending = new Map<PackId, string>()
  private readonly unread = new Map<SessionId, number>()
  private wasConnected = false
  private isInterrupted = false
  private readonly over = new AbortController()
  private failures = 0
  private finish: (exitCode: number) => void = () => {}

  constructor(options: ChatOptions) {
    this.options = options
    this.client = options.client
    this.screen = options.screen
    this.clock = options.clock
    this.style = options.style
    this.questioner = new Questioner(options.client, options.clock, refusal => this.warn(refusal))
    const { client, clock, random } = options
    this.groups = new GroupRunner({
      ...{ client, clock, random, questioner: this.questioner },
      submit: (request, shown) => this.submit(request, shown),
      print: line => this.screen.print(line),
      note: text => this.note(text),
    })
    this.people = new PeopleRunner({
      questioner: this.questioner,
      submit: (request, shown) => this.submit(request, shown),
      print: line => this.screen.print(line),
      note: text => this.note(text),
    })
    if (options.sessionId !== undefined) this.opened = opening(options.sessionId)
  }

  /** Runs until the user leaves; resolves with the exit code: 0 when everything that was typed was accepted. */
  async run(): Promise<number> {
    const done = new Promise<number>(resolve => {
      this.finish = resolve
    })
    const { client } = this
    client.on('phase', phase => this.phaseChanged(phase))
    client.on('event', event => this.show(event))
    client.on('answer', answer => this.answered(answer))
    client.on('renewed', ids => this.renewed(ids))
    client.on('gap', ({ sessionId, fromSeq, toSeq }) =>
      this.note(`${this.label(sessionId)}: #${fromSeq} to #${toSeq} are no longer kept`),
    )
    client.on('reset', ({ sessionId }) => this.note(`${this.label(sessionId)} begins again from #1`))
    client.on('problem', ({ message }) => this.warn(message))
    client.on('caughtUp', ({ reconnected }) => void this.caughtUp(reconnected))
    // The first to wait is the first to go: what is typed meanwhile comes after it.
    if (this.options.first !== undefined) this.submit(this.options.first, 'creating the group')
    client.start()
    this.showPrompt()
    this.screen.listen({ line: text => this.typed(text), ended: how => void this.leave(how) })
    const exitCode = await done
    this.over.abort()
    this.screen.close()
    client.close()
    return exitCode
  }

  /** The seq above which a conversation is wanted that began while there was no connection. */
  discovered({ lastSeq, unread }: SessionSummary): Seq {
    return Math.max(0, lastSeq - Math.min(unread, DISCOVERED_LINES_MAX))
  }

  private phaseChanged(phase: Phase): void {
    if (phase.kind === 'Live') {
      this.note(`${this.wasConnected ? 'connected again' : 'connected'} as ${this.style.me} (${phase.gateway})`)
      this.wasConnected = true
    } else if (phase.kind === 'Waiting' && !this.wasConnected && isNobodyThere(phase.reason)) {
      this.fail(`${phase.reason}\n${this.options.serverHint}`)
    } else if (phase.kind === 'Waiting') {
      this.note(`no connection (${phase.reason}); next try in ${(phase.retryMs / 1_000).toFixed(1)} s`)
    } else if (phase.kind === 'Closed' && !phase.byRequest) {
      this.fail(`the server refused: ${phase.reason}`)
    }
  }

  private async caughtUp(reconnected: boolean): Promise<void> {
    const { opened } = this
    if (!reconnected) await this.listSessions(opened !== undefined)
    // On a reconnect: the connection broke before the history of the conversation could be read.
    if (opened !== undefined && !opened.isLive) await this.open(opened.sessionId)
    else if (opened === undefined && !reconnected) this.note('/open USER or /open g:GROUP; /help lists more')
  }

  private async listSessions(unreadOnly: boolean): Promise<void> {
    const sessions = await this.questioner.sessions()
    if (sessions === undefined) return
    const others = sessions.filter(({ sessionId }) => sessionId !== this.opened?.sessionId)
    const shown = unreadOnly ? others.filter(({ unread }) => unread > 0) : sessions
    if (shown.length > 0) this.note(unreadOnly ? 'unread in other conversations:' : 'your conversations:')
    for (const summary of shown) this.screen.print(sessionLine(summary, this.style))
    if (shown.length === 0 && !unreadOnly) this.note('no conversations yet')
    for (const { sessionId, unread } of others) this.unread.set(sessionId, unread)
    // What is known is followed from here, so that nothing of it is missed over a reconnect.
    const unknown = others.filter(({ sessionId }) => this.client.seqOf(sessionId) === undefined)
    await this.questioner.follow(unknown.map(({ sessionId, lastSeq }) => ({ sessionId, seq: lastSeq })))
  }

  /** Goes to a conversation: its last lines, then everything that comes. */
  private async open(sessionId: SessionId): Promise<void> {
    const opened = opening(sessionId)
    this.opened = opened
    this.shown.clear()
    this.unread.delete(sessionId)
    this.note(`conversation ${this.label(sessionId)}`)
    this.showPrompt()
    const sessions = await this.questioner.sessions()
    opened.readSeq = sessions?.find(summary => summary.sessionId === sessionId)?.readSeq ?? opened.readSeq
    const page = await this.questioner.history(sessionId, Number.MAX_SAFE_INTEGER, HISTORY_LINES)
    // Without a connection it is opened anew with the next one.
    if (this.opened !== opened || (page === undefined && this.client.phase.kind !== 'Live')) return
    opened.isLive = true
    if (page !== undefined) {
      opened.oldestSeq = page.at(0)?.seq ?? 0
      for (const event of page) this.showHere(opened, event)
      await this.questioner.follow([{ sessionId, seq: page.at(-1)?.seq ?? 0 }])
    }
    opened.isComplete = true
  }

  private show(event: EventFrame): void {
    if (this.sending.delete(event.packId)) this.showPending()
    const { opened } = this
    if (event.seq === 0 || event.sessionId.startsWith('u:')) this.showAside(event)
    else if (opened?.sessionId !== event.sessionId) this.showElsewhere(event)
    else if (opened.isLive) this.showHere(opened, event)
  }

  private showHere(opened: Opened, event: EventFrame): void {
    if (!opened.markedUnread && event.seq > opened.readSeq && event.from !== this.style.me) {
      opened.markedUnread = true
      this.note('unread:')
    }
    this.shown.note(event)
    if (event.from === this.style.me) opened.readSeq = Math.max(opened.readSeq, event.seq)
    this.screen.print(eventLine(event, this.style))
  }

  private showAside(event: EventFrame): void {
    const line = asideLine(event, this.style)
    if (line !== undefined) this.note(line)
  }

  private showElsewhere(event: EventFrame): void {
    const counts = event.from !== this.style.me && (event.flags & Flag.COUNTER) !== 0
    const unread = (this.unread.get(event.sessionId) ?? 0) + (counts ? 1 : 0)
    this.unread.set(event.sessionId, unread)
    this.screen.print(elsewhereLine(event, unread, this.style))
  }

  private typed(text: string): void {
    if (this.isInterrupted) return
    const command = parseCommand(text, this.style.me)
    switch (command.kind) {
      case 'Nothing':
        break
      case 'Wrong':
        this.warn(command.message)
        break
      case 'Help':
        this.screen.print(COMMANDS_HELP)
        break
      case 'Exit':
        void this.leave('input')
        break
      case 'Open':
        void this.open(command.sessionId)
        break
      case 'Sessions':
        void this.listSessions(false)
        break
      case 'Join':
        void this.joinOrSay(command.sessionId, command.invite)
        break
      case 'Watch':
        void this.watch(command.sessionId ?? this.opened?.sessionId, command.on)
        break
      case 'Search':
        void this.find(command.filter)
        break
      case 'AboutUser':
      case 'Friends':
      case 'Profile':
      case 'Find':
      case 'Status':
        this.people.run(command)
        break
      default:
        this.here(command)
    }
  }

  /** Commands that mean the open conversation. */
  private here(command: HereCommand): void {
    const sessionId = this.opened?.sessionId
    if (sessionId === undefined) this.warn('no conversation is open: /open USER or /open g:GROUP')
    else if (command.kind === 'Say') this.say(sessionId, command.text)
    else if (command.kind === 'History') void this.older(command.limit)
    else if (command.kind === 'OnMessage') this.onMessage(sessionId, command)
    else if (command.kind === 'Reading') this.onReading(sessionId, command)
    else if (!sessionId.startsWith('g:')) this.warn(`${this.label(sessionId)} is not a group`)
    else this.inGroup(sessionId, command)
  }

  private onMessage(sessionId: SessionId, command: MessageCommand): void {
    try {
      const target = this.shown.find(command.seq, this.style.me)
      const { request, shown } = messageRequest(sessionId, command, target)
      this.submit(request, shown)
    } catch (error) {
      if (!(error instanceof BadArguments)) throw error
      this.warn(error.message)
    }
  }

  private onReading(sessionId: SessionId, command: ReadingCommand): void {
    try {
      const place = { lastSeq: this.client.seqOf(sessionId) ?? 0, shown: this.shown }
      const asked = readingRequest(sessionId, command, place)
      if (asked === undefined) void this.listReaders(sessionId, command.seq ?? 0)
      else this.submit(asked.request, asked.shown)
    } catch (error) {
      if (!(error instanceof BadArguments)) throw error
      this.warn(error.message)
    }
  }

  private async find(filter: MessageFilter): Promise<void> {
    const events = await this.questioner.search(filter)
    if (events?.length === 0) this.note('nothing is found by that')
    // The newest stands last, where one looks.
    for (const event of events?.toReversed() ?? []) this.screen.print(foundLine(event, this.style))
  }

  private async listReaders(sessionId: SessionId, seq: Seq): Promise<void> {
    const receipts = await this.questioner.readers(sessionId, seq)
    if (receipts !== undefined) this.note(readersLine(receipts))
  }

  private inGroup(sessionId: SessionId, command: GroupCommand): void {
    switch (command.kind) {
      case 'Members':
        void this.listMembers(sessionId)
        break
      case 'Quit':
        this.submit({ type: 'quitGroup', sessionId }, 'leaving')
        break
      case 'Dismiss':
        this.submit({ type: 'dismissGroup', sessionId }, 'ending the group')
        break
      case 'Add':
        this.submit({ type: 'addMembers', sessionId, userIds: command.userIds }, `adding ${command.userIds.join(', ')}`)
        break
      case 'Remove':
        this.submit({ type: 'removeMembers', sessionId, userIds: command.userIds }, `removing ${command.userIds}`)
        break
      default:
        this.groups.run(sessionId, command)
    }
  }

  private async watch(sessionId: SessionId | undefined, on: boolean): Promise<void> {
    if (sessionId === undefined || !sessionId.startsWith('g:')) {
      this.warn('/watch g:GROUP')
      return
    }
    if ((await this.questioner.watch(sessionId, on)) === undefined) return
    this.note(`${on ? 'watching' : 'no longer watching'} ${sessionId}`)
    if (on) await this.open(sessionId)
  }

  private say(sessionId: SessionId, text: string): void {
    this.submit({ type: 'send', sessionId, flags: Flag.COUNTER, content: { kind: 'Text', text } }, text)
  }

  private submit(request: PackRequest, shown: string): void {
    try {
      const { packId } = this.client.submit(request)
      this.sending.set(packId, shown)
      this.showPending()
    } catch (error) {
      this.failures++
      this.warn(`not sent: ${error instanceof Error ? error.message : error}`)
    }
  }

  private renewed({ packId, newPackId }: { packId: PackId; newPackId: PackId }): void {
    const shown = this.sending.get(packId)
    this.sending.delete(packId)
    if (shown !== undefined) this.sending.set(newPackId, shown)
  }

  private answered(answer: PackAnswer): void {
    const shown = this.sending.get(answer.packId)
    if (this.sending.delete(answer.packId)) this.showPending()
    if (answer.kind === 'Accepted') return
    this.failures++
    const what = shown === undefined ? 'refused' : `not sent: "${shown}"`
    const advice = answer.name === 'GROUP_NOT_EXIST' ? ' (create it: npm run chat -- <you> --create-group ID)' : ''
    this.warn(`${what}: ${answer.name}, ${answer.reason}${advice}`)
  }

  private async joinOrSay(sessionId: SessionId | undefined, invite: InviteUse | undefined): Promise<void> {
    const wanted = sessionId ?? this.opened?.sessionId
    if (wanted?.startsWith('g:')) await this.join(wanted, invite)
    else this.warn('/join g:GROUP')
  }

  private async join(sessionId: SessionId, invite: InviteUse | undefined): Promise<void> {
    const request = { type: 'joinGroup', sessionId, ...(invite && { invite }) } as const
    const answer = await this.client.submit(request).answer
    if (answer.kind === 'Accepted' && answer.seq === 0) {
      this.note(`asked to be let into ${sessionId}`)
      return
    }
    if (answer.kind === 'Accepted' || answer.name === 'ALREADY_MEMBER') await this.open(sessionId)
  }

  private async older(limit: number): Promise<void> {
    const { opened } = this
    const hasOlder = opened !== undefined && opened.oldestSeq > 1
    const page = hasOlder ? await this.questioner.history(opened.sessionId, opened.oldestSeq, limit) : []
    const first = page?.at(0)
    if (page === undefined) return
    this.note(first === undefined ? 'nothing older' : 'older messages:')
    for (const event of page) {
      this.shown.note(event)
      this.screen.print(eventLine(event, this.style))
    }
    if (opened === undefined || first === undefined) return
    this.note('end of the older messages')
    opened.oldestSeq = first.seq
  }

  private async listMembers(sessionId: SessionId): Promise<void> {
    const members = await this.questioner.members(sessionId)
    if (members === undefined) return
    this.note(`members of ${sessionId}:`)
    for (const member of members) this.screen.print(memberLine(member, this.style))
  }

  /** The end of the input lets everything that was typed be answered first; an interrupt does not wait. */
  private async leave(how: 'input' | 'interrupt'): Promise<void> {
    if (this.isInterrupted) return
    this.isInterrupted = true
    const until = this.clock.monotonic() + (how === 'input' ? LAST_WORDS_MS_MAX : 0)
    while (this.isBusy() && this.clock.monotonic() < until) {
      if (this.over.signal.aborted) return
      await this.clock.sleep(LAST_WORDS_POLL_MS, this.over.signal)
    }
    if (this.client.pendingCount > 0) this.warn(`${this.client.pendingCount} message(s) may not have been sent`)
    this.finish(this.client.pendingCount > 0 || this.failures > 0 ? 1 : 0)
  }

  private isBusy(): boolean {
    return this.client.pendingCount > 0 || !this.wasConnected || this.opened?.isComplete === false
  }

  private fail(message: string): void {
    this.warn(message)
    this.finish(1)
  }

  private showPending(): void {
    this.screen.showPending([...this.sending.values()].map(text => sendingLine(text, this.style)))
  }

  private showPrompt(): void {
    const where = this.opened === undefined ? '' : ` ${this.label(this.opened.sessionId)}`
    this.screen.showPrompt(`${this.style.me}${where}> `)
  }

  private label(sessionId: SessionId): string {
    return sessionLabel(sessionId, this.style.me)
  }

  private note(text: string): void {
    this.screen.print(dim(`* ${text}`, this.style))
  }

  private warn(text: string): void {
    this.screen.print(alarm(`! ${text}`, this.style))
  }
}
