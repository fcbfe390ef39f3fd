import type { EventFrame } from '../../../schemas/frames.ts'
import type { Seq } from '../../../schemas/ids.ts'
import type { Device } from '../device.ts'
import type { Learned } from '../witness.ts'
import type { World } from '../world.ts'
import type { Say } from './audit.ts'
import { isFinal } from './log.ts'
import { wrongFrame } from './shown.ts'

/** SIM7 through the gateway: answers to questions are as the log has it, as of some time after the question. */
export function checkLearnt(world: World, say: Say): void {
  for (const device of world.devices) {
    for (const learned of device.witness.learnt) checkAnswer(world, device, learned, say)
  }
}

function checkAnswer(world: World, device: Device, learned: Learned, say: Say): void {
  const { answer } = learned
  const wrong = (what: string) => say('SIM7', `${device.name} asked ${JSON.stringify(learned.question)}: ${what}`)
  switch (answer.type) {
    case 'page':
      checkPage(world, device, answer.events, wrong)
      return
    case 'sessions':
      for (const { last, unread, count, sessionId } of answer.sessions) {
        if (last !== undefined) checkPage(world, device, [last], wrong)
        if (unread < 0 || unread > count) wrong(`${sessionId} has ${unread} unread of ${count}`)
      }
      return
    case 'members':
      for (const { userId, joinSeq } of answer.members) {
        const stays = world.truth.session(answer.sessionId).staysOf(userId)
        if (!stays.some(stay => stay.joinSeq === joinSeq)) wrong(`${userId} never joined with #${joinSeq}`)
      }
      return
    case 'outcome':
      checkOutcome(world, device, learned, wrong)
      return
  }
}

/** Ascending, with nothing left out that the asker may see, and each event as the log has it. */
function checkPage(world: World, { user }: Device, events: readonly EventFrame[], wrong: (what: string) => void): void {
  let due = events[0]?.seq ?? 0
  for (const frame of events) {
    const { seq, sessionId } = frame
    const isLeftOut = (due: Seq) =>
      !world.truth.session(sessionId).isVisible(user, due) || world.truth.isHidden(user, sessionId, due)
    while (due < seq && isLeftOut(due)) due++
    if (seq !== due) wrong(`#${seq} came where #${due} was due`)
    due = seq + 1
    const fault = wrongFrame(world.truth.session(sessionId), frame)
    if (fault !== undefined) wrong(`${sessionId} #${seq} ${fault}`)
  }
}

function checkOutcome(world: World, device: Device, { answer, asked }: Learned, wrong: (what: string) => void): void {
  if (answer.type !== 'outcome') return
  const { sessionId, packId, found, code, seq } = answer
  for (const { partition, outcomes } of world.truth.partitions) {
    for (const { offset, event } of outcomes) {
      if (event.sessionId !== sessionId || event.packId !== packId || event.from !== device.user) continue
      if (event.body.kind === 'PackRepeated') continue
      if (event.body.kind === 'PackRefused') {
        if (!isFinal(event.body.code)) continue
        if (found && code !== event.body.code) wrong(`code ${code}, the log has ${event.body.code}`)
        return
      }
      const isTrimmed = world.truth.session(sessionId).lastSeq - event.seq >= world.options.historyEventsMax
      const wasThere = offset < (asked.get(partition) ?? 0)
      if (found && (code !== 0 || seq !== event.seq)) wrong(`code ${code} #${seq}, the log has #${event.seq}`)
      if (!found && wasThere && !isTrimmed) wrong(`not found, though it was #${event.seq} when it was asked for`)
      return
    }
  }
  if (found) wrong(`found, though the log has no outcome`)
}
