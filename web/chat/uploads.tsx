import { CloseButton, Progress, Text } from '@mantine/core'
import { useContext, useState } from 'react'
import type { SessionId } from '../../client/sdk.ts'
import { useText } from '../app/i18n.ts'
import { contentOf, uploadFile } from '../app/media.ts'
import { MessengerContext } from '../app/messenger-context.ts'

/** A file on its way into the store; its message goes out when it is there. */
export interface Upload {
  key: number
  sessionId: SessionId
  name: string
  /** From 0 to 1. */
  part: number
  failure?: string
}

let uploads = 0

/** Files that are being sent, and what sends more of them. */
export function useUploads() {
  const { messenger, token } = useContext(MessengerContext)!
  const [list, setList] = useState<Upload[]>([])
  const change = (key: number, changed: Partial<Upload>) =>
    setList(all => all.map(upload => (upload.key === key ? { ...upload, ...changed } : upload)))
  const drop = (key: number) => setList(all => all.filter(upload => upload.key !== key))
  const send = async (sessionId: SessionId, file: File) => {
    const key = ++uploads
    setList(all => [...all, { key, sessionId, name: file.name, part: 0 }])
    try {
      const stored = await uploadFile(file, { token: await token(), onProgress: part => change(key, { part }) })
      messenger.send(sessionId, await contentOf(file, stored))
      drop(key)
    } catch (error) {
      change(key, { failure: error instanceof Error ? error.message : String(error) })
    }
  }
  return { list, send, drop }
}

export function UploadList({ uploads: shown, onDrop }: { uploads: readonly Upload[]; onDrop: (key: number) => void }) {
  const t = useText()
  return shown.map(({ key, name, part, failure }) => (
    <div key={key} className="intent" role={failure === undefined ? 'status' : 'alert'}>
      <div className="grow intent-text">
        <Text size="xs" truncate {...(failure !== undefined && { className: 'refusal' })}>
          {failure === undefined ? name : `${name}: ${t('notSent', { reason: failure })}`}
        </Text>
        {failure === undefined && <Progress value={part * 100} size="sm" aria-label={t('uploading', { name })} />}
      </div>
      {failure !== undefined && <CloseButton aria-label={t('close')} onClick={() => onDrop(key)} />}
    </div>
  ))
}
