import { unreachable } from '../../infra/assert.ts'
import type { Clock, Random } from '../../infra/clock.ts'
import type { SessionId } from '../../schemas/ids.ts'
import type { Client, PackRequest } from '../network/client.ts'
import { groupLines, inviteLine, invitePack, mutePack, type RunCommand, requestLine } from './group-commands.ts'
import type { Questioner } from './questioner.ts'

export interface GroupRunnerOptions {
  client: Client
  questioner: Questioner
  clock: Clock
  random: Random
  submit(request: PackRequest, shown: string): void
  print(line: string): void
  note(text: string): void
}

/** Does what is typed to run a group. */
export class GroupRunner {
  private readonly options: GroupRunnerOptions

  constructor(options: GroupRunnerOptions) {
    this.options = options
  }

  run(sessionId: SessionId, command: RunCommand): void {
    const { submit, clock } = this.options
    switch (command.kind) {
      case 'Run':
        submit({ ...command.pack, sessionId }, command.doing)
        break
      case 'Mute':
        submit(mutePack(sessionId, command, clock.now()), `muting ${command.userId}`)
        break
      case 'Invite':
        void this.invite(sessionId, command.uses)
        break
      case 'Group':
        void this.show(sessionId)
        break
      case 'Requests':
        void this.listRequests(sessionId)
        break
      default:
        unreachable(command)
    }
  }

  private async invite(sessionId: SessionId, uses: number): Promise<void> {
    const { client, clock, random, note } = this.options
    const { pack, secret } = invitePack(sessionId, uses, clock.now(), random)
    const { packId, answer } = client.submit(pack)
    if ((await answer).kind !== 'Accepted') return
    note(`whoever types this comes in: /join ${sessionId} ${packId.replaceAll('-', '')} ${secret}`)
  }

  private async show(sessionId: SessionId): Promise<void> {
    const group = await this.options.questioner.group(sessionId)
    for (const line of group === undefined ? [] : groupLines(group)) this.options.print(line)
  }

  private async listRequests(sessionId: SessionId): Promise<void> {
    const { questioner, note, print } = this.options
    const requests = await questioner.joinRequests(sessionId)
    const invites = await questioner.invites(sessionId)
    if (requests === undefined || invites === undefined) return
    note(requests.length === 0 ? 'nobody asks to be let in' : 'these ask to be let in:')
    for (const request of requests) print(requestLine(request))
    for (const invite of invites) print(inviteLine(invite))
  }
}
