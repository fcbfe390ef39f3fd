import { assert } from '../infra/assert.ts'
import type { Millis } from '../infra/clock.ts'
import { DRAIN_MS_MAX } from '../infra/service.ts'
import { HISTORY_PAGE_MAX, RESUME_SESSIONS_MAX } from '../schemas/frames.ts'
import { RULES_BOUNDS } from '../schemas/pack.ts'
import { APPEND_BYTES_MAX } from '../topics/log.ts'
import type { RateLimit } from './ws/rate-limits.ts'

/** Every limit of the gateway, with how they relate at the end. docs/protocol.md names those that clients meet. */

/** Largest frame of a client, bytes. A pack of that size, as Avro, still fits into one append. */
export const FRAME_BYTES_MAX = 512 * 1024
/** How deep the JSON of a client's frame may nest. */
export const JSON_DEPTH_MAX = 6
/** Frames in a row that could not be read before the connection is closed. */
export const BROKEN_FRAMES_MAX = 16

/** What waits for one socket. Beyond it the connection is closed with SLOW; the client resumes and loses nothing. */
export const OUTBOX_FRAMES_MAX = 8_192
export const OUTBOX_BYTES_MAX = 8 * 1024 * 1024
/** One write to a socket. */
export const WRITE_BYTES_MAX = 1024 * 1024
/** How long a closing socket may take to hear the close frame before it is cut. */
export const CLOSE_MS_MAX: Millis = 5_000

/** Events of one page together, bytes of JSON; a page always has one event. */
export const PAGE_BYTES_MAX = 1024 * 1024

/** Live events of one connection that wait while history is read. Beyond it the connection is closed with SLOW. */
export const BUFFER_EVENTS_MAX = 4_096
export const BUFFER_BYTES_MAX = 4 * 1024 * 1024
/** After `welcome` live events wait this long, so that a `resume` comes before them. */
export const HOLD_MS: Millis = 500
export const HOLD_SWEEP_MS: Millis = 100
/** How long one resume or question may take. */
export const RESUME_MS_MAX: Millis = 10_000
export const QUESTION_MS_MAX: Millis = 5_000
/** Resumes that one connection may have running. */
export const RESUMES_MAX = 16
/** Sessions of one connection that may have a cursor or be resuming. */
export const CURSORS_MAX = 16 * 1_024
/** How long a nudge waits for others; nudges of one connection that name their session, at once. */
export const NUDGE_MS: Millis = 1_000
export const NUDGES_PER_CONNECTION_MAX = 100
/** Public groups that one connection may watch. */
export const WATCHES_MAX = 20
/** How often the membership view is asked how far it is, while somebody waits for it. */
export const MEMBERSHIP_WAIT_MS: Millis = 10
/** Questions that one connection may have running. */
export const QUESTIONS_MAX = 32
/** How often the history view is asked how far it is, while somebody waits for it. */
export const HISTORY_POLL_MS: Millis = 10
/** The same for the archive, and how long it may take to catch up. */
export const ARCHIVE_POLL_MS: Millis = 200
export const ARCHIVE_BEHIND_MS_MAX: Millis = 4_000
/** Members of a group of whom it is looked up who has read a message. */
export const RECEIPT_MEMBERS_ASKED_MAX = RULES_BOUNDS.receiptMembersMax[1]
/** What must not be missed is given for so long, of log time. */
export const URGENT_KEPT_MS: Millis = 30 * 86_400_000
/** How often a failed read of a view is tried again, and the pause between. */
export const VIEW_ATTEMPTS_MAX = 5
export const VIEW_RETRY_MS: Millis = 100

/**
 * Messages that are younger are not looked up for a pack that names them with their sender: the sequencer remembers
 * them. Under rules with a shorter dedupe window such a pack is refused for the moment, until it is looked up.
 */
export const TARGET_FRESH_MS: Millis = 60_000
/** Packs of one connection that wait for look-ups, their own or those of packs before them. */
export const LOOK_UPS_PER_CONNECTION_MAX = 4_096

/** A connection marks a session as read, or as delivered, at most this often; what it says between is gathered. */
export const MARK_EVERY_MS: Millis = 2_000
/** Marks of one connection and session that a higher one may overtake in that time. */
export const OVERTAKEN_MARKS_MAX = 256
/** Sessions of which it is remembered, and for how long, that their marks belong to the users. */
export const OWN_MARK_SESSIONS_MAX = 10_000
export const OWN_MARK_MS: Millis = 600_000

export const PENDING_PER_CONNECTION_MAX = 4_096
export const PENDING_MAX = 50_000
/** After this long without an outcome a send is answered MSG_TIMEOUT. */
export const PENDING_MS_MAX: Millis = 10_000
export const PENDING_SWEEP_MS: Millis = 250
/** Sends are refused while the oldest pending one is older than this. */
export const PENDING_AGE_MS_MAX: Millis = 5_000
/** Sends are refused while the gateway has this many events of im.events unread. */
export const LAG_EVENTS_MAX = 20_000
/** Packs per second of one connection, on average; twice as many at once. */
export const PACKS_PER_SECOND_MAX = 2_000
/** The same of one user, over all devices on a gateway. */
export const USER_PACKS_PER_SECOND_MAX = 4_000
/** Packs of one user that the log may refuse; beyond it none of theirs is taken for a while. */
export const REFUSALS_RATE: RateLimit = { perSecond: 100, atOnce: 1_000 }
/** Questions of one user, over all devices on a gateway. */
export const QUESTIONS_RATE: RateLimit = { perSecond: 1_000, atOnce: 4_000 }

/** Calls of HTTP: of one user, of a key that says nothing else, and wrong credentials from one address. */
export const USER_CALLS_RATE: RateLimit = { perSecond: 100, atOnce: 1_000 }
export const APP_CALLS_PER_SECOND_MAX = 10_000
export const BAD_CREDENTIALS_RATE: RateLimit = { perSecond: 10, atOnce: 100 }

/** How often one append to im.packs is tried, and the pauses between. */
export const APPEND_ATTEMPTS_MAX = 6
export const APPEND_RETRY_MS_MIN: Millis = 50
export const APPEND_RETRY_MS_MAX: Millis = 1_000
/** Bytes and records of one append; the log port's own limits are above. */
export const LANE_BYTES_MAX = 800_000
export const LANE_RECORDS_MAX = 500

/** Receivers whose setting "messages of friends only" is kept in mind, in each of two generations. */
export const FRIENDS_ONLY_KEPT_MAX = 50_000
/** Users of whom it is kept in mind how they are let in, in each of two generations. */
export const ACCESS_KEPT_MAX = 50_000
/** Users of whom it is remembered what the log said of how they are let in, the newest. */
export const ACCESS_SAID_MAX = 10_000
/** Apps whose keys are kept in mind, in each of two generations. */
export const APPS_KEPT_MAX = 1_000
/** How often it is written down when keys were used last. */
export const KEY_USES_MS: Millis = 30_000
/** How long a message waits for that setting; then it goes on as if there were none. */
export const FRIENDS_ONLY_MS_MAX: Millis = 500
/** People whom one user may look up, in profiles; a search counts as FIND_COST of them. */
export const LOOK_UPS: RateLimit = { perSecond: 10, atOnce: 1_000 }

/** Searches of one user, and at the same time on one gateway: each costs the archive more than any other question. */
export const SEARCHES: RateLimit = { perSecond: 5, atOnce: 20 }
export const SEARCHES_AT_ONCE_MAX = 4
export const SEARCHES_WAITING_MAX = 64
/** Sessions that are searched: of a user who was in more, those that they came into last. */
export const SEARCH_SESSIONS_MAX = 5_000
/** Looks of one search for further messages, where those it has found are not for the asker. */
export const SEARCH_LOOKS_MAX = 5
/** A search waits for an archive that has not yet what the log held this long ago: what was taken back is gone by then. */
export const SEARCH_BEHIND_MS_MAX: Millis = 1_200
/** How often it is noted how far the log is. */
export const SEARCH_NOTE_MS: Millis = 400
/** Groups of a user of which it is asked at once what they may see. */
export const GROUPS_ASKED_AT_ONCE = 200

/** How long a connection counts as there after its gateway has entered it last; and how often it does that. */
export const PRESENCE_MS: Millis = 90_000
export const PRESENCE_REFRESH_MS: Millis = 30_000
/** How long it is known which connection of a device is its newest, after a gateway has last looked. */
export const DEVICE_HELD_MS: Millis = 10 * 60_000
/** A connection that was opened so much later than one that claims the device after it is the newer one. */
export const DEVICE_CLAIM_MS_MAX: Millis = 2_000
/** How long it is known when a user was seen last. */
export const LAST_SEEN_MS: Millis = 30 * 86_400_000
/** Connections that are entered with one call. */
export const PRESENCE_BATCH_MAX = 500
/** Users whom one connection may watch. */
export const PRESENCE_WATCHED_MAX = 1_000
/** "Is typing" of one user, over all devices. */
export const TYPING: RateLimit = { perSecond: 1, atOnce: 5 }
/** Messages of one user that nobody keeps, over all devices. */
export const ONLINE: RateLimit = { perSecond: 10, atOnce: 50 }
/** The largest of them: each goes to every gateway. */
export const ONLINE_BYTES_MAX = 4_096
/** Larger groups take none. */
export const ONLINE_MEMBERS_MAX = 1_000
/** In groups with more members connected to one gateway nobody is told who is typing. */
export const TYPING_MEMBERS_MAX = 200

export const HEARTBEAT_MS: Millis = 25_000
/** Slots of a wheel: each tick is the turn of one share of the connections. */
export const WHEEL_SLOTS = 25
export const UNANSWERED_PINGS_MAX = 2

/** How long a login may wait for its place in the log, where a login policy needs one. */
export const LOGIN_PACK_MS_MAX: Millis = 5_000
/** How long a third party may take to say whether a user may come in. */
export const THIRD_PARTY_MS_MAX: Millis = 3_000
export const LOGINS_MAX = 1_000
export const LOGIN_ATTEMPTS_MAX = 5
export const LOGIN_RETRY_MS: Millis = 50
export const CONNECTIONS_PER_USER_MAX = 64
/** How far behind the log's end the membership view may be when a gateway starts from it. */
export const START_BACK_EVENTS_MAX = 200_000
export const START_RETRY_MS: Millis = 500
/** How often the membership view is asked how far it is. */
export const MEMBERSHIP_POLL_MS: Millis = 500
/** Membership changes (user ids) that are kept until the view has passed them. */
export const CHANGES_KEPT_MAX = 500_000

/** How long a draining gateway waits for the outcomes of what it has taken. */
export const DRAIN_PENDING_MS_MAX: Millis = 8_000
/** How long it then waits for sockets to take what is theirs. */
export const DRAIN_FLUSH_MS_MAX: Millis = 2_000

assert(FRAME_BYTES_MAX < LANE_BYTES_MAX, 'one pack fits into one append')
assert(LANE_BYTES_MAX + FRAME_BYTES_MAX > APPEND_BYTES_MAX, 'appends are about as large as the log takes')
assert(LANE_BYTES_MAX < APPEND_BYTES_MAX, 'an append leaves room for keys')
assert(HISTORY_PAGE_MAX <= OUTBOX_FRAMES_MAX / 2, 'a page fits into half an outbox')
assert(PAGE_BYTES_MAX + FRAME_BYTES_MAX <= OUTBOX_BYTES_MAX / 2, 'a page fits into half an outbox')
assert(BUFFER_EVENTS_MAX <= OUTBOX_FRAMES_MAX / 2, 'a whole buffer fits into an outbox that is half empty')
assert(BUFFER_BYTES_MAX <= OUTBOX_BYTES_MAX / 2, 'a whole buffer fits into an outbox that is half empty')
assert(CURSORS_MAX >= RESUMES_MAX * RESUME_SESSIONS_MAX, 'every resume that may run has room for its sessions')
assert(2 * PRESENCE_REFRESH_MS < PRESENCE_MS, 'one refresh that fails makes nobody look away')
assert(PENDING_AGE_MS_MAX < PENDING_MS_MAX, 'new sends are refused before old ones run out of time')
assert(
  DRAIN_PENDING_MS_MAX + DRAIN_FLUSH_MS_MAX + CLOSE_MS_MAX < DRAIN_MS_MAX,
  'a gateway drains within the time of a process',
)
