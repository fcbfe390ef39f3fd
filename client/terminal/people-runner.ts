import { unreachable } from '../../infra/assert.ts'
import type { PackRequest } from '../network/client.ts'
import { friendLine, type PeopleCommand, presenceLine, profileLine } from './people-commands.ts'
import type { Questioner } from './questioner.ts'

export interface PeopleRunnerOptions {
  questioner: Questioner
  submit(request: PackRequest, shown: string): void
  print(line: string): void
  note(text: string): void
}

/** Does what is typed about other people. */
export class PeopleRunner {
  private readonly options: PeopleRunnerOptions

  constructor(options: PeopleRunnerOptions) {
    this.options = options
  }

  run(command: PeopleCommand): void {
    const { questioner, submit } = this.options
    switch (command.kind) {
      case 'AboutUser':
        submit(command.request, command.doing)
        break
      case 'Friends':
        void this.list(questioner.friends(), friendLine, 'nobody yet: /friend USER')
        break
      case 'Profile':
        void this.list(questioner.profiles([command.userId]), profileLine, `${command.userId} has no profile`)
        break
      case 'Find':
        void this.list(questioner.findUsers(command.name), profileLine, 'nobody is found by that')
        break
      case 'Status':
        void this.list(questioner.presence(command.userIds), presenceLine, 'nobody')
        break
      default:
        unreachable(command)
    }
  }

  private async list<T>(asked: Promise<T[] | undefined>, line: (item: T) => string, nothing: string): Promise<void> {
    const items = await asked
    if (items === undefined) return
    if (items.length === 0) this.options.note(nothing)
    for (const item of items) this.options.print(line(item))
  }
}
