import { Generations } from '../../infra/generations.ts'
import { appOf } from '../../processors/membership/apps.ts'
import { type AcceptedEvent, type Event, isAccepted } from '../../schemas/event.ts'
import type { Partition, Seq, SessionId, UserId } from '../../schemas/ids.ts'
import { APPS_KEPT_MAX } from '../limits.ts'
import type { Views } from './views.ts'

/** What an event says that something of an app is from now on. */
export interface AppEntry {
  /** Of that event. */
  position: Seq
}

export interface AppRegistersOptions<Entry extends AppEntry> {
  /** As the membership view has them. */
  read(app: UserId): Promise<readonly Entry[]>
  nameOf(entry: Entry): string
  /** Undefined for events that say nothing of this. */
  entryOf(event: AcceptedEvent): Entry | undefined
  /** Apps that have nothing of this are kept in mind, too: whoever asks knows that there is such an app. */
  keepsEmpty?: boolean
  views: Pick<Views, 'askCaughtUp'>
  partitionOf(sessionId: SessionId): Partition
}

export type AppEntries<Entry> = ReadonlyMap<string, Entry>

/**
 * What apps have, by app and name. Asked of the membership view once per app, as soon as it has taken in what this
 * gateway has read, and kept right by the events that pass: of each name the entry of the later event stays. So what is
 * taken back is taken back on every gateway as soon as it has read so.
 */
export class AppRegisters<Entry extends AppEntry> {
  private readonly options: AppRegistersOptions<Entry>
  private readonly known = new Generations<UserId, Map<string, Entry>>(APPS_KEPT_MAX)
  /** What passes while an app is asked for. */
  private readonly asking = new Map<UserId, { entries: Map<string, Entry>; answer: Promise<AppEntries<Entry>> }>()

  constructor(options: AppRegistersOptions<Entry>) {
    this.options = options
  }

  /** What the app has, also what was taken back, by name. Rejects with QuestionFailed. */
  entries(app: UserId): AppEntries<Entry> | Promise<AppEntries<Entry>> {
    return this.known.get(app) ?? this.asking.get(app)?.answer ?? this.ask(app)
  }

  /** Takes what passes on im.events. */
  passed(event: Event): void {
    if (!isAccepted(event)) return
    const entry = this.options.entryOf(event)
    if (entry === undefined) return
    const app = appOf(event.sessionId)
    const entries = this.known.get(app) ?? this.asking.get(app)?.entries
    if (entries !== undefined) this.set(entries, entry)
  }

  private ask(app: UserId): Promise<AppEntries<Entry>> {
    const { read, views, partitionOf, keepsEmpty } = this.options
    const entries = new Map<string, Entry>()
    const answer = views
      .askCaughtUp([partitionOf(`a:${app}` as SessionId)], () => read(app))
      .then(stored => {
        for (const entry of stored) this.set(entries, entry)
        // Nothing is kept of an app that there is not: its name may be anything.
        if (entries.size > 0 || keepsEmpty === true) this.known.set(app, entries)
        return entries
      })
      .finally(() => this.asking.delete(app))
    this.asking.set(app, { entries, answer })
    return answer
  }

  private set(entries: Map<string, Entry>, entry: Entry): void {
    const name = this.options.nameOf(entry)
    if ((entries.get(name)?.position ?? -1) < entry.position) entries.set(name, entry)
  }
}
