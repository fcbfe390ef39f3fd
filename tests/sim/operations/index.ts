import type { AcceptedBody } from '../../../schemas/event.ts'
import type { SessionPackFrame } from '../../../schemas/frames.ts'
import { addMembers } from './add-members.ts'
import { createGroup } from './create-group.ts'
import { dismissGroup } from './dismiss-group.ts'
import { joinGroup } from './join-group.ts'
import type { Operation, PackOperation } from './operation.ts'
import { askMembers, askOutcome, listSessions, readHistory } from './questions.ts'
import { quitGroup } from './quit-group.ts'
import { removeMembers } from './remove-members.ts'
import { conflict, resend } from './resend.ts'
import { send } from './send.ts'

/** The kinds of packs that clients send here: those that the server decides. A new one is one small file. */
export const PACK_OPERATIONS = {
  send,
  createGroup,
  joinGroup,
  quitGroup,
  dismissGroup,
  addMembers,
  removeMembers,
} satisfies { [Type in SessionPackFrame['type']]?: unknown }

const packOperations: readonly PackOperation[] = Object.values(PACK_OPERATIONS) as unknown as PackOperation[]

/** The operation whose packs become events of this kind; undefined for what no client sends. */
export function operationOfEvent(kind: AcceptedBody['kind']): PackOperation | undefined {
  return packOperations.find(({ event }) => event === kind)
}

/** The operation that sends frames of this type. */
export function operationOfFrame(type: SessionPackFrame['type']): PackOperation {
  return PACK_OPERATIONS[type as keyof typeof PACK_OPERATIONS] as unknown as PackOperation
}

/** Everything that devices do. */
export const OPERATIONS: readonly Operation[] = [
  ...packOperations.map(operation => ({
    name: operation.frame,
    weight: operation.weight,
    perform: (device: Parameters<Operation['perform']>[0]) => {
      const request = operation.request(device)
      if (request !== undefined) device.submit(request)
    },
  })),
  resend,
  conflict,
  readHistory,
  listSessions,
  askMembers,
  askOutcome,
]
