// Made from /openapi.json by gateway/http/client-operations.test.ts; `npx vitest run -u client-operations` makes it anew.

export type TextKindInput = { kind: "Text"; text: string }

export type CustomKindInput = { kind: "Custom"; type: string; data: string }

export type MediaFileInput = { url: string; mime: string; size: number; hash: string; name?: string }

export type ImageKindInput = { kind: "Image"; file: MediaFileInput; width: number; height: number; thumbnailUrl?: string; caption?: string }

export type VoiceKindInput = { kind: "Voice"; file: MediaFileInput; durationMs: number }

export type VideoKindInput = { kind: "Video"; file: MediaFileInput; durationMs: number; width: number; height: number; thumbnailUrl?: string; caption?: string }

export type FileKindInput = { kind: "File"; file: MediaFileInput; caption?: string }

export type LocationKindInput = { kind: "Location"; latitude: number; longitude: number; title: string; address?: string }

export type CardOfInput = "user" | "group"

export type CardKindInput = { kind: "Card"; of: CardOfInput; id: string; name?: string; avatar?: string }

export type MarkdownKindInput = { kind: "Markdown"; text: string }

export type ForwardedItemInput = { from: string; at: number; content: (TextKindInput) | (CustomKindInput) | (ImageKindInput) | (VoiceKindInput) | (VideoKindInput) | (FileKindInput) | (LocationKindInput) | (CardKindInput) | (MarkdownKindInput) }

export type MergedForwardKindInput = { kind: "MergedForward"; title: string; items: (ForwardedItemInput)[] }

export type RemovedKindInput = { kind: "Removed" }

export type AttributeInput = { name: string; value: string }

export type JoinPolicyInput = "open" | "approval" | "inviteOnly"

export type AddPolicyInput = "members" | "admins"

export type HistoryShownInput = "fromJoining" | "all"

export type MemberRoleInput = "owner" | "admin" | "member"

export type MessagesFromInput = "anyone" | "friends"

export type NotifyInput = "all" | "mentions" | "none"

export type QuietHoursInput = { fromMinute: number; toMinute: number; timeZone: string }

export type PushInfoInput = { title: string; summary: string; url: string }

export type TargetInput = { seq: number; packId: string; from?: string }

export type OriginInput = { sessionId: string; seq: number; packId: string }

export type SendExtraInput = { mentions?: (string)[]; mentionsAll?: boolean; quote?: TargetInput; forward?: OriginInput }

export type ProfilePatchInput = { name?: string; avatar?: string; fields?: (AttributeInput)[] }

export type SessionAttributesPatchInput = { pinned?: boolean; notify?: NotifyInput; hidden?: boolean; draft?: string; custom?: (AttributeInput)[] }

export type GroupSettingsPatchInput = { joinPolicy?: JoinPolicyInput; addPolicy?: AddPolicyInput; historyShown?: HistoryShownInput; mutedAll?: boolean; slowModeMs?: number; membersMax?: number; isPublic?: boolean }

export type GroupInfoPatchInput = { name?: string; avatar?: string; notice?: string; attributes?: (AttributeInput)[] }

export type InviteUseInput = { inviteId: string; secret: string }

export type UserSettingsPatchInput = { messagesFrom?: MessagesFromInput; notify?: NotifyInput; quietHours?: QuietHoursInput; findable?: boolean; presenceShown?: boolean }

export type Problem = { type: string; title: string; status: number; detail: string; code: number; name: string; retry: "never" | "same" | "new"; requestId: string; errors?: ({ path: string; message: string })[] }

export type TextKind = { kind: "Text"; text: string }

export type CustomKind = { kind: "Custom"; type: string; data: string }

export type MediaFile = { url: string; mime: string; size: number; hash: string; name?: string }

export type ImageKind = { kind: "Image"; file: MediaFile; width: number; height: number; thumbnailUrl?: string; caption?: string }

export type VoiceKind = { kind: "Voice"; file: MediaFile; durationMs: number }

export type VideoKind = { kind: "Video"; file: MediaFile; durationMs: number; width: number; height: number; thumbnailUrl?: string; caption?: string }

export type FileKind = { kind: "File"; file: MediaFile; caption?: string }

export type LocationKind = { kind: "Location"; latitude: number; longitude: number; title: string; address?: string }

export type CardOf = "user" | "group"

export type CardKind = { kind: "Card"; of: CardOf; id: string; name?: string; avatar?: string }

export type MarkdownKind = { kind: "Markdown"; text: string }

export type ForwardedItem = { from: string; at: number; content: (TextKind) | (CustomKind) | (ImageKind) | (VoiceKind) | (VideoKind) | (FileKind) | (LocationKind) | (CardKind) | (MarkdownKind) }

export type MergedForwardKind = { kind: "MergedForward"; title: string; items: (ForwardedItem)[] }

export type RemovedKind = { kind: "Removed" }

export type Quote = { seq: number; packId: string; from: string }

export type Forward = { from: string; at: number }

export type MessageExtra = { mentions?: (string)[]; mentionsAll?: boolean; quote?: Quote; forward?: Forward; rewritten?: boolean }

export type MessageAcceptedKind = { kind: "MessageAccepted"; content: (TextKind) | (CustomKind) | (ImageKind) | (VoiceKind) | (VideoKind) | (FileKind) | (LocationKind) | (CardKind) | (MarkdownKind) | (MergedForwardKind) | (RemovedKind); extra?: MessageExtra }

export type Attribute = { name: string; value: string }

export type GroupInfo = { name: string; avatar: string; notice: string; attributes?: (Attribute)[] }

export type JoinPolicy = "open" | "approval" | "inviteOnly"

export type AddPolicy = "members" | "admins"

export type HistoryShown = "fromJoining" | "all"

export type GroupSettings = { joinPolicy: JoinPolicy; addPolicy: AddPolicy; historyShown: HistoryShown; mutedAll: boolean; slowModeMs: number; membersMax: number; isPublic: boolean }

export type GroupCreatedKind = { kind: "GroupCreated"; info: GroupInfo; members: (string)[]; settings?: GroupSettings }

export type MemberJoinedKind = { kind: "MemberJoined"; inviteId?: string }

export type MemberQuitKind = { kind: "MemberQuit" }

export type MembersAddedKind = { kind: "MembersAdded"; userIds: (string)[] }

export type MembersRemovedKind = { kind: "MembersRemoved"; userIds: (string)[] }

export type GroupDismissedKind = { kind: "GroupDismissed" }

export type MessageRef = { seq: number; packId: string; from: string; at: number; counted: boolean }

export type MessageRevokedKind = { kind: "MessageRevoked"; target: MessageRef }

export type MessageOverriddenKind = { kind: "MessageOverridden"; target: MessageRef; content: (TextKind) | (CustomKind) | (ImageKind) | (VoiceKind) | (VideoKind) | (FileKind) | (LocationKind) | (CardKind) | (MarkdownKind) | (MergedForwardKind) | (RemovedKind); extra?: MessageExtra; version: number }

export type MessageDeletedKind = { kind: "MessageDeleted"; target: MessageRef }

export type ReactionAddedKind = { kind: "ReactionAdded"; target: MessageRef; emoji: string }

export type ReactionRemovedKind = { kind: "ReactionRemoved"; target: MessageRef; emoji: string }

export type ReadMarkedKind = { kind: "ReadMarked"; seq: number; count: number }

export type DeliveredMarkedKind = { kind: "DeliveredMarked"; seq: number }

export type GroupInfoUpdatedKind = { kind: "GroupInfoUpdated"; info: GroupInfo }

export type GroupSettingsUpdatedKind = { kind: "GroupSettingsUpdated"; settings: GroupSettings }

export type OwnerChangedKind = { kind: "OwnerChanged"; userId: string }

export type MemberRole = "owner" | "admin" | "member"

export type RolesSetKind = { kind: "RolesSet"; userIds: (string)[]; role: MemberRole }

export type JoinRequestedKind = { kind: "JoinRequested"; message?: string }

export type JoinRefusedKind = { kind: "JoinRefused"; userId: string; reason?: string }

export type InviteCreatedKind = { kind: "InviteCreated"; inviteId: string; secretHash: string; expiresAt: number; usesMax: number }

export type InviteRevokedKind = { kind: "InviteRevoked"; inviteId: string }

export type MemberMutedKind = { kind: "MemberMuted"; userId: string; until: number }

export type AliasSetKind = { kind: "AliasSet"; userId: string; alias: string }

export type FriendRequestedKind = { kind: "FriendRequested"; message?: string }

export type FriendAcceptedKind = { kind: "FriendAccepted" }

export type FriendRefusedKind = { kind: "FriendRefused" }

export type FriendDeletedKind = { kind: "FriendDeleted" }

export type FriendRemarkedKind = { kind: "FriendRemarked"; remark: string }

export type UserBlockedKind = { kind: "UserBlocked" }

export type UserUnblockedKind = { kind: "UserUnblocked" }

export type Profile = { name: string; avatar: string; fields?: (Attribute)[] }

export type ProfileUpdatedKind = { kind: "ProfileUpdated"; profile: Profile }

export type MessagesFrom = "anyone" | "friends"

export type Notify = "all" | "mentions" | "none"

export type QuietHours = { fromMinute: number; toMinute: number; timeZone: string }

export type UserSettings = { messagesFrom: MessagesFrom; notify: Notify; quietHours?: QuietHours; findable: boolean; presenceShown: boolean }

export type SettingsUpdatedKind = { kind: "SettingsUpdated"; settings: UserSettings }

export type UserAttributesSetKind = { kind: "UserAttributesSet"; attributes: (Attribute)[] }

export type SessionAttributes = { pinned: boolean; notify: Notify; hidden: boolean; draft?: string; custom?: (Attribute)[] }

export type SessionAttributesSetKind = { kind: "SessionAttributesSet"; sessionId: string; attributes: SessionAttributes }

export type SessionReadMarkedKind = { kind: "SessionReadMarked"; sessionId: string; seq: number; count: number }

export type SessionClearedKind = { kind: "SessionCleared"; sessionId: string; seq: number; count: number }

export type DeletedForMeKind = { kind: "DeletedForMe"; sessionId: string; seqs: (number)[] }

export type LoggedInKind = { kind: "LoggedIn"; connectionId: string; clientVersion?: string; kicked: (string)[] }

export type LoggedOutKind = { kind: "LoggedOut"; connectionIds: (string)[]; code: number; reason?: string }

export type PushDevice = { serviceType: number; packageName: string; appVersion: string; token: string; deviceType: number; deviceId: string; locale: string; timeZone: string; contentHidden: boolean; at: number }

export type PushTokenRemoved = { serviceType: number; token: string; reason: string }

export type PushDevicesSetKind = { kind: "PushDevicesSet"; devices: (PushDevice)[]; added?: PushDevice; removed: (PushTokenRemoved)[] }

export type PushOptions = { serviceType: number; json: string }

export type PushRequestedKind = { kind: "PushRequested"; title: string; content: string; uri: string; unreadCount?: number; extraData: (Attribute)[]; options: (PushOptions)[] }

export type PushOpenedKind = { kind: "PushOpened"; pushId: string }

export type UserDisabledKind = { kind: "UserDisabled"; reason?: string }

export type UserEnabledKind = { kind: "UserEnabled" }

export type UserErasedKind = { kind: "UserErased"; reason?: string }

export type ContentErasedKind = { kind: "ContentErased"; userId: string }

export type HoldSetKind = { kind: "HoldSet"; held: boolean; reason: string }

export type AppKey = { keyId: string; name: string; secretHash: string; scopes: (string)[]; expiresAt?: number; perSecond?: number; at: number }

export type KeySetKind = { kind: "KeySet"; key: AppKey }

export type KeyRevokedKind = { kind: "KeyRevoked"; keyId: string }

export type ActRecordedKind = { kind: "ActRecorded"; act: string; subject: string; detail?: string }

export type RevokedToken = { tokenId: string; expiresAt: number }

export type Revoked = { notBefore: number; tokens: (RevokedToken)[] }

export type TokensRevokedKind = { kind: "TokensRevoked"; revoked: Revoked }

export type JobStartedKind = { kind: "JobStarted"; jobId: string; job: string; spec: string; total: number }

export type JobSteppedKind = { kind: "JobStepped"; jobId: string; step: number; done: number; failed: number; cursor: string }

export type JobEndedKind = { kind: "JobEnded"; jobId: string; done: number; failed: number; error?: string; result?: string }

export type MessageChange = "edited" | "revoked" | "deleted"

export type MessageState = { change: MessageChange; by: string; at: number; seq: number; version: number }

export type ReactionCount = { emoji: string; count: number; userIds: (string)[] }

export type EventFrame = { type: "event"; sessionId: string; seq: number; count: number; at: number; packId: string; from: string; flags: number; body: (MessageAcceptedKind) | (GroupCreatedKind) | (MemberJoinedKind) | (MemberQuitKind) | (MembersAddedKind) | (MembersRemovedKind) | (GroupDismissedKind) | (MessageRevokedKind) | (MessageOverriddenKind) | (MessageDeletedKind) | (ReactionAddedKind) | (ReactionRemovedKind) | (ReadMarkedKind) | (DeliveredMarkedKind) | (GroupInfoUpdatedKind) | (GroupSettingsUpdatedKind) | (OwnerChangedKind) | (RolesSetKind) | (JoinRequestedKind) | (JoinRefusedKind) | (InviteCreatedKind) | (InviteRevokedKind) | (MemberMutedKind) | (AliasSetKind) | (FriendRequestedKind) | (FriendAcceptedKind) | (FriendRefusedKind) | (FriendDeletedKind) | (FriendRemarkedKind) | (UserBlockedKind) | (UserUnblockedKind) | (ProfileUpdatedKind) | (SettingsUpdatedKind) | (UserAttributesSetKind) | (SessionAttributesSetKind) | (SessionReadMarkedKind) | (SessionClearedKind) | (DeletedForMeKind) | (LoggedInKind) | (LoggedOutKind) | (PushDevicesSetKind) | (PushRequestedKind) | (PushOpenedKind) | (UserDisabledKind) | (UserEnabledKind) | (UserErasedKind) | (ContentErasedKind) | (HoldSetKind) | (KeySetKind) | (KeyRevokedKind) | (ActRecordedKind) | (TokensRevokedKind) | (JobStartedKind) | (JobSteppedKind) | (JobEndedKind); state?: MessageState; reactions?: (ReactionCount)[] }

export type Outcome = { packId: string; sessionId: string; seq: number; count: number; at: number; repeated?: boolean; rewritten?: boolean }

export type Act = { seq: number; at: number; act: string; subject: string; detail?: string }

export type DeadLetter = { id: string; processor: string; topic: string; partition: number; offset: number; sessionId?: string; state: "open" | "retrying" | "failed" | "applied" | "discarded"; error: string; at: number; changedAt: number; by: string }

export type InspectedDeadLetter = { id: string; processor: string; topic: string; partition: number; offset: number; sessionId?: string; state: "open" | "retrying" | "failed" | "applied" | "discarded"; error: string; at: number; changedAt: number; by: string; event?: Record<string, unknown>; fault?: string }

export type Lag = { stage: string; partition: number; records: number }

export type ProcessHealth = { process: string; roles: (string)[]; at: number; startedAt: number; silent: boolean; waiting: (string)[]; stopped: (string)[]; lags: (Lag)[]; connections?: number; memoryBytes: number }

export type VerifyReport = { at: number; sessions: number; events: number; messages: number; users: number; differences: number }

export type Retry = "never" | "same" | "new"

export type Refusal = { code: number; name: string; reason: string; retry: Retry; retryAfterMs?: number }

export type BatchOutcome = { accepted: number; outcomes: ({ sessionId: string; packId: string; outcome?: Outcome; refusal?: Refusal })[] }

export type Job = { jobId: string; job: string; state: "waiting" | "running" | "done" | "cancelled" | "failed"; total: number; done: number; failed: number; failures: ({ userId: string; code: number; name: string })[]; startedAt: number; endedAt?: number; error?: string }

export type JobResult = { files: ({ url: string })[]; expiresAt: number }

export type Key = { keyId: string; name: string; scopes: (string)[]; createdAt: number; expiresAt?: number; perSecond?: number; lastUsedAt?: number; perDay?: number; usedToday?: number }

export type MadeKey = { keyId: string; name: string; scopes: (string)[]; createdAt: number; expiresAt?: number; perSecond?: number; key: string }

export type Upload = { mediaId: string; path: string; upload: { method: "PUT"; url: string; headers: Record<string, string>; expiresAt: number } }

export type Download = { url: string; mime: string; size: number; expiresAt: number }

export type ListedGroup = { groupId: string; name: string; avatar: string; createdBy: string; createdAt: number; dismissed: boolean }

export type Totals = { registeredUsers: number; activeUsers: number; messages: number; groupsCreated: number }

export type ActiveUsers = { start: string; users: number; newUsers: number }

export type MessageCount = { at: number; sessionKind: string; contentKind: string; messages: number; contentBytes: number }

export type GroupsOfDay = { day: string; created: number; dismissed: number; active: number }

export type RetentionWeek = { cohort: string; week: number; users: number; cohortUsers: number }

export type LatencyOfDay = { day: string; messages: number; delivered: number; deliveredMsP50: number | null; deliveredMsP95: number | null; read: number; readMsP50: number | null; readMsP95: number | null }

export type PushFunnel = { day: string; serviceType: number; packageName: string; attempted: number; accepted: number; delivered: number; opened: number; withdrawn: number; cancelled: number; deadTokens: number; failed: number; unknown: number }

export type User = { userId: string; access: "active" | "disabled" | "erased"; profile?: Profile }

export type Erasure = { sessions: number; erased: number; held: (string)[]; full: number; done: boolean }

export type WebhookDelivery = { at: number; sessionId: string; kind: string; partition: number; offset: number; attempt: number; outcome: "delivered" | "failed" | "dead" | "dropped"; status: number; durationMs: number; error: string }

export type DeadSession = { sessionId: string; deadAt: number; deliveries: number; firstKind: string; firstAt: number }

export type Webhook = { webhookId: string; url: string; use: "after" | "before"; kinds: (string)[]; sessionKinds: ("single" | "group" | "notification" | "user" | "app")[]; failOpen: boolean; budgetMs: number; secretVersion: number; createdAt: number; rotatedAt: number; readOnly: boolean }

export type MadeWebhook = { webhookId: string; url: string; use: "after" | "before"; kinds: (string)[]; sessionKinds: ("single" | "group" | "notification" | "user" | "app")[]; failOpen: boolean; budgetMs: number; secretVersion: number; createdAt: number; rotatedAt: number; readOnly: boolean; secret: string }

export type WebhookTest = { delivered: boolean; status?: number; error?: string; durationMs: number; answer: string }

export type SessionSummary = { sessionId: string; lastSeq: number; count: number; unread: number; readSeq: number; at: number; last?: EventFrame; attributes?: SessionAttributes; mentions?: number; firstMentionSeq?: number; peerReadSeq?: number; peerDeliveredSeq?: number; clearedSeq?: number }

export type MemberSummary = { userId: string; role: MemberRole; joinSeq: number; alias?: string; mutedUntil?: number }

export type GroupSummary = { sessionId: string; seq: number; owner: string; memberCount: number; info: GroupInfo; settings?: GroupSettings; me?: MemberSummary }

export type JoinRequestSummary = { userId: string; at: number; message?: string }

export type InviteSummary = { inviteId: string; by: string; expiresAt: number; usesMax: number; uses: number }

export type FriendRelation = "none" | "friend" | "requested" | "asked"

export type FriendSummary = { userId: string; relation: FriendRelation; blocked: boolean; at: number; remark?: string; message?: string }

export type ProfileSummary = { userId: string; seq: number; profile: Profile }

export type UserPresence = { userId: string; online: (number)[]; lastSeenAt?: number }

export type DeviceInfo = { type: number; id: string }

export type LoginSummary = { connectionId: string; device: DeviceInfo; gateway: string; at: number }

export type IssuedToken = { token: string; tokenId: string; expiresAt: number }

/** What each operation takes and answers. */
export interface Operations {
  /** Send a text to a user or a group */
  sendText: { call: { body: { to?: string; groupId?: string; text: string; flags?: number } }; answer: Outcome }
  /** Send a message of any kind to a session */
  sendMessage: { call: { body: { sessionId: string; flags?: number; pushInfo?: PushInfoInput; content: (TextKindInput) | (CustomKindInput) | (ImageKindInput) | (VoiceKindInput) | (VideoKindInput) | (FileKindInput) | (LocationKindInput) | (CardKindInput) | (MarkdownKindInput) | (MergedForwardKindInput) | (RemovedKindInput); extra?: SendExtraInput } }; answer: Outcome }
  /** Send one message to many users and groups */
  sendBatch: { call: { body: { to?: (string)[]; groupIds?: (string)[]; flags?: number; pushInfo?: PushInfoInput; content: (TextKindInput) | (CustomKindInput) | (ImageKindInput) | (VoiceKindInput) | (VideoKindInput) | (FileKindInput) | (LocationKindInput) | (CardKindInput) | (MarkdownKindInput) | (MergedForwardKindInput) | (RemovedKindInput); extra?: SendExtraInput } }; answer: BatchOutcome }
  /** List the sessions of the user, by last activity */
  listSessions: { call: { query?: { cursor?: string; limit?: number; since?: string } }; answer: { code: number; sessions: (SessionSummary)[]; cursor?: string; since?: string } }
  /** List what must not be missed */
  listPriority: { call: { query?: { cursor?: string; limit?: number } }; answer: { events: (EventFrame)[]; more: boolean; cursor?: string } }
  /** Read the history of a session */
  listEvents: { call: { params: { sessionId: string }; query?: { afterSeq?: number; beforeSeq?: number; limit?: number } }; answer: { sessionId: string; lastSeq: number; more: boolean; events: (EventFrame)[] } }
  /** What became of a pack of the caller, at any age */
  getOutcome: { call: { params: { sessionId: string; packId: string } }; answer: { sessionId: string; packId: string; found: boolean; code: number; seq: number; count: number; at: number } }
  /** Who has read a message */
  listReceipts: { call: { params: { sessionId: string; seq: number }; query?: { cursor?: string; limit?: number } }; answer: { sessionId: string; seq: number; readCount: number; memberCount: number; readers: (string)[]; cursor?: string } }
  /** Revoke a message */
  revokeMessage: { call: { params: { sessionId: string }; body: { target: TargetInput } }; answer: Outcome }
  /** Edit a message */
  overrideMessage: { call: { params: { sessionId: string }; body: { target: TargetInput; content: (TextKindInput) | (CustomKindInput) | (ImageKindInput) | (VoiceKindInput) | (VideoKindInput) | (FileKindInput) | (LocationKindInput) | (CardKindInput) | (MarkdownKindInput) | (MergedForwardKindInput) | (RemovedKindInput); extra?: SendExtraInput } }; answer: Outcome }
  /** Delete a message for all */
  deleteForAll: { call: { params: { sessionId: string }; body: { target: TargetInput } }; answer: Outcome }
  /** Hide messages from the user */
  deleteForMe: { call: { params: { sessionId: string }; body: { targets: (TargetInput)[] } }; answer: Outcome }
  /** React to a message */
  addReaction: { call: { params: { sessionId: string }; body: { target: TargetInput; emoji: string } }; answer: Outcome }
  /** Take a reaction back */
  removeReaction: { call: { params: { sessionId: string }; body: { target: TargetInput; emoji: string } }; answer: Outcome }
  /** Mark as read up to a seq */
  markRead: { call: { params: { sessionId: string }; body: { seq: number } }; answer: Outcome }
  /** Mark as delivered up to a seq */
  markDelivered: { call: { params: { sessionId: string }; body: { seq: number } }; answer: Outcome }
  /** Hide a session up to a seq from the user */
  clearSession: { call: { params: { sessionId: string }; body: { seq: number } }; answer: Outcome }
  /** Pin, hide, or set how a session notifies */
  setSessionAttributes: { call: { params: { sessionId: string }; body: { attributes: SessionAttributesPatchInput } }; answer: Outcome }
  /** Create a group */
  createGroup: { call: { body: { groupId?: string; info: { name: string; avatar?: string; notice?: string; attributes?: (AttributeInput)[] }; members: (string)[]; settings?: GroupSettingsPatchInput } }; answer: Outcome }
  /** List the groups of the user */
  listGroups: { call: { query?: { cursor?: string; limit?: number; since?: string } }; answer: { groups: (GroupSummary)[]; left?: (string)[]; cursor?: string; since?: string } }
  /** Get a group */
  getGroup: { call: { params: { groupId: string } }; answer: { group: GroupSummary } }
  /** Dismiss a group */
  dismissGroup: { call: { params: { groupId: string } }; answer: Outcome }
  /** Change name, avatar, notice and attributes */
  updateGroupInfo: { call: { params: { groupId: string }; body: { info: GroupInfoPatchInput } }; answer: Outcome }
  /** Change how a group is run */
  updateGroupSettings: { call: { params: { groupId: string }; body: { settings: GroupSettingsPatchInput } }; answer: Outcome }
  /** Join a group, or ask to */
  joinGroup: { call: { params: { groupId: string }; body?: { message?: string; invite?: InviteUseInput } }; answer: Outcome }
  /** Quit a group */
  quitGroup: { call: { params: { groupId: string } }; answer: Outcome }
  /** List the members of a group */
  listMembers: { call: { params: { groupId: string }; query?: { cursor?: string; limit?: number; since?: string } }; answer: { sessionId: string; members: (MemberSummary)[]; cursor?: string; left?: (string)[]; since?: string } }
  /** Add members */
  addMembers: { call: { params: { groupId: string }; body: { userIds: (string)[] } }; answer: Outcome }
  /** Is a user a member, and what in the group */
  getMember: { call: { params: { groupId: string; userId: string } }; answer: { sessionId: string; userId: string; member?: MemberSummary } }
  /** Remove members */
  removeMembers: { call: { params: { groupId: string }; body: { userIds: (string)[] } }; answer: Outcome }
  /** Make another member the owner */
  changeOwner: { call: { params: { groupId: string }; body: { userId: string } }; answer: Outcome }
  /** Make members admins, or admins members */
  setRole: { call: { params: { groupId: string }; body: { userIds: (string)[]; role: MemberRoleInput } }; answer: Outcome }
  /** Mute a member, or no longer */
  muteMember: { call: { params: { groupId: string; userId: string }; body: { until: number } }; answer: Outcome }
  /** Set what a member is called in the group */
  setAlias: { call: { params: { groupId: string; userId: string }; body: { alias: string } }; answer: Outcome }
  /** List who asks to come in */
  listJoinRequests: { call: { params: { groupId: string }; query?: { cursor?: string; limit?: number } }; answer: { sessionId: string; requests: (JoinRequestSummary)[]; cursor?: string } }
  /** Let somebody in who asked, or refuse */
  answerJoin: { call: { params: { groupId: string; userId: string }; body: { approved: boolean; reason?: string } }; answer: Outcome }
  /** List the invites that can be used */
  listInvites: { call: { params: { groupId: string } }; answer: { sessionId: string; invites: (InviteSummary)[] } }
  /** Create an invite */
  createInvite: { call: { params: { groupId: string }; body: { secretHash: string; expiresAt: number; usesMax: number } }; answer: Outcome }
  /** End an invite */
  revokeInvite: { call: { params: { groupId: string; inviteId: string } }; answer: Outcome }
  /** List every group that there is or was, the newest first, as the archive has it */
  listAllGroups: { call: { query?: { cursor?: string; limit?: number } }; answer: { groups: (ListedGroup)[]; cursor?: string } }
  /** Read a session as the log has it, hidden from nobody; that it was read is noted */
  readSession: { call: { params: { sessionId: string }; query?: { beforeSeq?: number; limit?: number } }; answer: { sessionId: string; lastSeq: number; more: boolean; events: (EventFrame)[] } }
  /** Revoke a message of anybody, at any age */
  moderateMessage: { call: { params: { sessionId: string }; body: { target: TargetInput } }; answer: Outcome }
  /** Dismiss a group, whoever owns it */
  moderateGroup: { call: { params: { groupId: string } }; answer: Outcome }
  /** List friends, requests and blocks */
  listFriends: { call: { query?: { cursor?: string; limit?: number; since?: string } }; answer: { friends: (FriendSummary)[]; cursor?: string; since?: string } }
  /** Ask a user to be friends */
  requestFriend: { call: { params: { userId: string }; body?: { message?: string } }; answer: Outcome }
  /** Accept a request */
  acceptFriend: { call: { params: { userId: string } }; answer: Outcome }
  /** Refuse a request */
  refuseFriend: { call: { params: { userId: string } }; answer: Outcome }
  /** End a friendship */
  deleteFriend: { call: { params: { userId: string } }; answer: Outcome }
  /** Set what a friend is called */
  remarkFriend: { call: { params: { userId: string }; body: { remark: string } }; answer: Outcome }
  /** Block a user */
  blockUser: { call: { params: { userId: string } }; answer: Outcome }
  /** Unblock a user */
  unblockUser: { call: { params: { userId: string } }; answer: Outcome }
  /** Get the profiles of users */
  getProfiles: { call: { query: { userIds: string } }; answer: { profiles: (ProfileSummary)[] } }
  /** Find users by id or by the beginning of their name */
  findUsers: { call: { query: { name: string; limit?: number } }; answer: { profiles: (ProfileSummary)[] } }
  /** Change the profile of the user */
  updateProfile: { call: { body: { profile: ProfilePatchInput } }; answer: Outcome }
  /** Get settings and attributes of the user */
  getSettings: { call: {  }; answer: { seq: number; settings: UserSettings; attributes: (Attribute)[] } }
  /** Change settings of the user */
  updateSettings: { call: { body: { settings: UserSettingsPatchInput } }; answer: Outcome }
  /** Set attributes of the user */
  setUserAttributes: { call: { body: { attributes: (AttributeInput)[] } }; answer: Outcome }
  /** Who is online */
  getPresence: { call: { query: { userIds: string } }; answer: { users: (UserPresence)[] } }
  /** Where the user is connected */
  listLogins: { call: {  }; answer: { logins: (LoginSummary)[] } }
  /** Close connections of the user; none named: all */
  logout: { call: { body: { connectionIds: (string)[] } }; answer: Outcome }
  /** List every user of whom something is known, in no order that means anything */
  listUsers: { call: { query?: { cursor?: string; limit?: number } }; answer: { users: (User)[]; cursor?: string } }
  /** A user: profile, and whether they are let in */
  getUser: { call: { params: { userId: string } }; answer: User }
  /** Erase a user: keep them out, and empty what they ever said */
  eraseUser: { call: { params: { userId: string }; body?: { reason?: string } }; answer: Outcome }
  /** How far the erasure of a user has come */
  getErasure: { call: { params: { userId: string } }; answer: Erasure }
  /** Put a legal hold on a user */
  holdUser: { call: { params: { userId: string }; body?: { reason?: string } }; answer: Outcome }
  /** Put a legal hold on a session */
  holdSession: { call: { params: { sessionId: string }; body?: { reason?: string } }; answer: Outcome }
  /** Lift the legal hold on a user */
  releaseUser: { call: { params: { userId: string }; body?: { reason?: string } }; answer: Outcome }
  /** Lift the legal hold on a session */
  releaseSession: { call: { params: { sessionId: string }; body?: { reason?: string } }; answer: Outcome }
  /** Search in messages, the newest first */
  searchMessages: { call: { query?: { cursor?: string; limit?: number; words?: string; sessionId?: string; from?: string; contentKind?: string; sinceAt?: number; beforeAt?: number } }; answer: { events: (EventFrame)[]; cursor?: string } }
  /** Where the user is pushed to, the oldest registration first */
  listDevices: { call: {  }; answer: { devices: (PushDevice)[] } }
  /** Let the user be pushed to under a token */
  registerDevice: { call: { body: { serviceType: number; packageName: string; appVersion: string; token: string; locale?: string; timeZone?: string; contentHidden?: boolean } }; answer: Outcome }
  /** Push to a token no more */
  unregisterDevice: { call: { body: { serviceType: number; token: string } }; answer: Outcome }
  /** Tell that the user has opened a push */
  reportPushOpened: { call: { body: { pushId: string } }; answer: Outcome }
  /** Push to every device of a user what is no message */
  push: { call: { body: { userId: string; title?: string; content?: string; uri?: string; unreadCount?: number; extraData?: ({ name: string; value: string })[]; options?: ({ serviceType: number; json: string })[] } }; answer: Outcome }
  /** Announce a file and get a link to put it there */
  startUpload: { call: { body: { mime: string; size: number; hash: string } }; answer: Upload }
  /** Get a link to a file that a message shows */
  getDownloadLink: { call: { params: { mediaId: string }; query?: { sessionId?: string; seq?: number } }; answer: Download }
  /** Take a file of your own away */
  deleteMedia: { call: { params: { mediaId: string } }; answer: { deleted: true } }
  /** Send a notification of the app to users */
  notify: { call: { body: { to: (string)[]; flags?: number; pushInfo?: PushInfoInput; content: (TextKindInput) | (CustomKindInput) | (ImageKindInput) | (VoiceKindInput) | (VideoKindInput) | (FileKindInput) | (LocationKindInput) | (CardKindInput) | (MarkdownKindInput) | (MergedForwardKindInput) | (RemovedKindInput); extra?: SendExtraInput } }; answer: BatchOutcome }
  /** Send a message to many users, or to all, at a pace: each gets it once */
  startBroadcast: { call: { body: { to: ("all") | ((string)[]); perSecond?: number; flags?: number; pushInfo?: PushInfoInput; content: (TextKindInput) | (CustomKindInput) | (ImageKindInput) | (VoiceKindInput) | (VideoKindInput) | (FileKindInput) | (LocationKindInput) | (CardKindInput) | (MarkdownKindInput) | (MergedForwardKindInput) | (RemovedKindInput); extra?: SendExtraInput } }; answer: Job }
  /** Bring in many users with their profiles */
  startUserImport: { call: { body: { users: ({ userId: string; profile: ProfilePatchInput })[]; perSecond?: number } }; answer: Job }
  /** Erase many users */
  startUserErasure: { call: { body: { userIds: (string)[]; reason?: string; perSecond?: number } }; answer: Job }
  /** Export everything that is kept of a user */
  startUserExport: { call: { body: { userId: string } }; answer: Job }
  /** List the jobs of the app, the newest first; those that ended more than 30 days ago are left out */
  listJobs: { call: { query?: { cursor?: string; limit?: number } }; answer: { jobs: (Job)[]; cursor?: string } }
  /** How far a job is, and what became of it */
  getJob: { call: { params: { jobId: string } }; answer: Job }
  /** Get links to the files of an export */
  getJobResult: { call: { params: { jobId: string } }; answer: JobResult }
  /** Let a job go no further */
  cancelJob: { call: { params: { jobId: string } }; answer: Outcome }
  /** Issue a token with which a client of a user connects */
  issueToken: { call: { body: { userId: string; expiresInMs?: number } }; answer: IssuedToken }
  /** Revoke one token of a user, or all that were issued so far */
  revokeTokens: { call: { body: { userId: string; tokenId?: string; expiresAt?: number } }; answer: Outcome }
  /** Close every connection of a user */
  logoutUser: { call: { params: { userId: string }; body?: { reason?: string } }; answer: Outcome }
  /** Let a user in no more */
  disableUser: { call: { params: { userId: string } }; answer: Outcome }
  /** Let a user in again */
  enableUser: { call: { params: { userId: string } }; answer: Outcome }
  /** List the keys of the app, those that have expired as well */
  listKeys: { call: {  }; answer: { keys: (Key)[] } }
  /** Create a key of the app */
  createKey: { call: { body: { name: string; scopes: ("messages:write" | "messages:read" | "notifications:write" | "groups:write" | "groups:read" | "friends:write" | "friends:read" | "users:write" | "users:erase" | "users:read" | "users:export" | "tokens:write" | "presence:read" | "search:read" | "statistics:read" | "media:write" | "media:read" | "push:write" | "push:read" | "webhooks:write" | "webhooks:read" | "jobs:read" | "jobs:write" | "dead:read" | "dead:write" | "holds:write" | "moderation:read" | "moderation:write" | "health:read" | "keys:write" | "apps:write" | "keys:read" | "audit:read")[]; expiresInMs?: number; perSecond?: number } }; answer: MadeKey }
  /** Create the successor of a key, which ends after a while */
  rotateKey: { call: { params: { keyId: string }; body?: { overlapMs?: number } }; answer: MadeKey }
  /** Say how many requests a key may make in a day */
  setKeyQuota: { call: { params: { keyId: string }; body: { perDay: (number) | (null) } }; answer: Outcome }
  /** End a key at once */
  revokeKey: { call: { params: { keyId: string } }; answer: Outcome }
  /** List the keys of any app */
  listAppKeys: { call: { params: { app: string } }; answer: { keys: (Key)[] } }
  /** Create a key of any app; the app is there with its first key */
  createAppKey: { call: { params: { app: string }; body: { name: string; scopes: ("messages:write" | "messages:read" | "notifications:write" | "groups:write" | "groups:read" | "friends:write" | "friends:read" | "users:write" | "users:erase" | "users:read" | "users:export" | "tokens:write" | "presence:read" | "search:read" | "statistics:read" | "media:write" | "media:read" | "push:write" | "push:read" | "webhooks:write" | "webhooks:read" | "jobs:read" | "jobs:write" | "dead:read" | "dead:write" | "holds:write" | "moderation:read" | "moderation:write" | "health:read" | "keys:write" | "apps:write" | "keys:read" | "audit:read")[]; expiresInMs?: number; perSecond?: number } }; answer: MadeKey }
  /** List the webhooks of the app */
  listWebhooks: { call: {  }; answer: { webhooks: (Webhook)[] } }
  /** Create a webhook; its secret is told once */
  createWebhook: { call: { body: { webhookId?: string; url: string; use?: "after" | "before"; kinds?: (string)[]; sessionKinds?: ("single" | "group" | "notification" | "user" | "app")[]; failOpen?: boolean; budgetMs?: number } }; answer: MadeWebhook }
  /** Get a webhook */
  getWebhook: { call: { params: { webhookId: string } }; answer: Webhook }
  /** Change a webhook; what is absent stays */
  changeWebhook: { call: { params: { webhookId: string }; body: { url?: string; kinds?: (string)[]; sessionKinds?: ("single" | "group" | "notification" | "user" | "app")[]; failOpen?: boolean; budgetMs?: number } }; answer: Webhook }
  /** Delete a webhook; what waits for it is dropped */
  deleteWebhook: { call: { params: { webhookId: string } }; answer: Outcome }
  /** Get a new secret; for a day both sign */
  rotateWebhookSecret: { call: { params: { webhookId: string } }; answer: MadeWebhook }
  /** Send a sample and tell what comes back */
  testWebhook: { call: { params: { webhookId: string } }; answer: WebhookTest }
  /** List what was sent and what came back, the newest first */
  listDeliveries: { call: { params: { webhookId: string }; query?: { cursor?: string; limit?: number; sessionId?: string; outcome?: "delivered" | "failed" | "dead" | "dropped" } }; answer: { deliveries: (WebhookDelivery)[]; cursor?: string } }
  /** List the sessions whose deliveries were given up, longest first */
  listDeadSessions: { call: { params: { webhookId: string }; query?: { cursor?: string; limit?: number } }; answer: { sessions: (DeadSession)[]; cursor?: string } }
  /** Deliver what was given up of a session again, in order */
  replayDeadSession: { call: { params: { webhookId: string; sessionId: string } }; answer: { replayed: true } }
  /** Drop what was given up of a session */
  discardDeadSession: { call: { params: { webhookId: string; sessionId: string } }; answer: { discarded: number } }
  /** List what was done with keys of the app, the newest first */
  listActs: { call: { query?: { cursor?: string; limit?: number } }; answer: { acts: (Act)[]; cursor?: string } }
  /** Users, active users, messages and groups created */
  getTotals: { call: { query?: { from?: string; to?: string } }; answer: Totals }
  /** Active and new users */
  getActiveUsers: { call: { query?: { from?: string; to?: string; period?: "day" | "week" | "month" } }; answer: { rows: (ActiveUsers)[] } }
  /** Messages by kind of session and content */
  getMessageCounts: { call: { query?: { from?: string; to?: string; step?: "hour" | "day" } }; answer: { rows: (MessageCount)[] } }
  /** Groups created, dismissed and active */
  getGroupCounts: { call: { query?: { from?: string; to?: string } }; answer: { rows: (GroupsOfDay)[] } }
  /** Who comes back, by weeks */
  getRetention: { call: { query?: { from?: string; to?: string } }; answer: { rows: (RetentionWeek)[] } }
  /** How long messages of single chats take to be delivered and read */
  getLatency: { call: { query?: { from?: string; to?: string } }; answer: { rows: (LatencyOfDay)[] } }
  /** What became of pushes */
  getPushFunnel: { call: { query?: { from?: string; to?: string } }; answer: { rows: (PushFunnel)[] } }
  /** List dead letters, the oldest first */
  listDeadLetters: { call: { query?: { cursor?: string; limit?: number; all?: "true" | "false" } }; answer: { letters: (DeadLetter)[]; cursor?: string } }
  /** A dead letter with the record that it is about */
  inspectDeadLetter: { call: { params: { processor: string; topic: string; partition: number; offset: number } }; answer: InspectedDeadLetter }
  /** Put the record back through the processor that failed, and wait for its answer */
  retryDeadLetter: { call: { params: { processor: string; topic: string; partition: number; offset: number } }; answer: DeadLetter }
  /** Give a dead letter up */
  discardDeadLetter: { call: { params: { processor: string; topic: string; partition: number; offset: number }; body?: { reason?: string } }; answer: DeadLetter }
  /** How the processes are, how far behind each stage is, and what the last verify found */
  getHealth: { call: {  }; answer: { now: number; processes: (ProcessHealth)[]; verify?: VerifyReport } }
}

/** Where each operation is. */
export const OPERATIONS: Record<keyof Operations, { method: string; path: string }> = {
  sendText: { method: 'POST', path: '/v1/messages/text' },
  sendMessage: { method: 'POST', path: '/v1/messages' },
  sendBatch: { method: 'POST', path: '/v1/messages/batch' },
  listSessions: { method: 'GET', path: '/v1/sessions' },
  listPriority: { method: 'GET', path: '/v1/priority' },
  listEvents: { method: 'GET', path: '/v1/sessions/{sessionId}/events' },
  getOutcome: { method: 'GET', path: '/v1/sessions/{sessionId}/outcomes/{packId}' },
  listReceipts: { method: 'GET', path: '/v1/sessions/{sessionId}/messages/{seq}/receipts' },
  revokeMessage: { method: 'POST', path: '/v1/sessions/{sessionId}/revoke' },
  overrideMessage: { method: 'POST', path: '/v1/sessions/{sessionId}/override' },
  deleteForAll: { method: 'POST', path: '/v1/sessions/{sessionId}/delete' },
  deleteForMe: { method: 'POST', path: '/v1/sessions/{sessionId}/delete-for-me' },
  addReaction: { method: 'POST', path: '/v1/sessions/{sessionId}/reactions' },
  removeReaction: { method: 'POST', path: '/v1/sessions/{sessionId}/reactions/remove' },
  markRead: { method: 'POST', path: '/v1/sessions/{sessionId}/read' },
  markDelivered: { method: 'POST', path: '/v1/sessions/{sessionId}/delivered' },
  clearSession: { method: 'POST', path: '/v1/sessions/{sessionId}/clear' },
  setSessionAttributes: { method: 'PATCH', path: '/v1/sessions/{sessionId}/attributes' },
  createGroup: { method: 'POST', path: '/v1/groups' },
  listGroups: { method: 'GET', path: '/v1/groups' },
  getGroup: { method: 'GET', path: '/v1/groups/{groupId}' },
  dismissGroup: { method: 'DELETE', path: '/v1/groups/{groupId}' },
  updateGroupInfo: { method: 'PATCH', path: '/v1/groups/{groupId}/info' },
  updateGroupSettings: { method: 'PATCH', path: '/v1/groups/{groupId}/settings' },
  joinGroup: { method: 'POST', path: '/v1/groups/{groupId}/join' },
  quitGroup: { method: 'POST', path: '/v1/groups/{groupId}/quit' },
  listMembers: { method: 'GET', path: '/v1/groups/{groupId}/members' },
  addMembers: { method: 'POST', path: '/v1/groups/{groupId}/members' },
  getMember: { method: 'GET', path: '/v1/groups/{groupId}/members/{userId}' },
  removeMembers: { method: 'POST', path: '/v1/groups/{groupId}/members/remove' },
  changeOwner: { method: 'PUT', path: '/v1/groups/{groupId}/owner' },
  setRole: { method: 'PUT', path: '/v1/groups/{groupId}/roles' },
  muteMember: { method: 'PUT', path: '/v1/groups/{groupId}/members/{userId}/mute' },
  setAlias: { method: 'PUT', path: '/v1/groups/{groupId}/members/{userId}/alias' },
  listJoinRequests: { method: 'GET', path: '/v1/groups/{groupId}/requests' },
  answerJoin: { method: 'POST', path: '/v1/groups/{groupId}/requests/{userId}' },
  listInvites: { method: 'GET', path: '/v1/groups/{groupId}/invites' },
  createInvite: { method: 'POST', path: '/v1/groups/{groupId}/invites' },
  revokeInvite: { method: 'DELETE', path: '/v1/groups/{groupId}/invites/{inviteId}' },
  listAllGroups: { method: 'GET', path: '/v1/moderation/groups' },
  readSession: { method: 'GET', path: '/v1/moderation/sessions/{sessionId}/events' },
  moderateMessage: { method: 'POST', path: '/v1/moderation/sessions/{sessionId}/revoke' },
  moderateGroup: { method: 'POST', path: '/v1/moderation/groups/{groupId}/dismiss' },
  listFriends: { method: 'GET', path: '/v1/friends' },
  requestFriend: { method: 'POST', path: '/v1/friends/{userId}/request' },
  acceptFriend: { method: 'POST', path: '/v1/friends/{userId}/accept' },
  refuseFriend: { method: 'POST', path: '/v1/friends/{userId}/refuse' },
  deleteFriend: { method: 'DELETE', path: '/v1/friends/{userId}' },
  remarkFriend: { method: 'PUT', path: '/v1/friends/{userId}/remark' },
  blockUser: { method: 'PUT', path: '/v1/blocks/{userId}' },
  unblockUser: { method: 'DELETE', path: '/v1/blocks/{userId}' },
  getProfiles: { method: 'GET', path: '/v1/profiles' },
  findUsers: { method: 'GET', path: '/v1/profiles/search' },
  updateProfile: { method: 'PATCH', path: '/v1/me/profile' },
  getSettings: { method: 'GET', path: '/v1/me/settings' },
  updateSettings: { method: 'PATCH', path: '/v1/me/settings' },
  setUserAttributes: { method: 'PATCH', path: '/v1/me/attributes' },
  getPresence: { method: 'GET', path: '/v1/presence' },
  listLogins: { method: 'GET', path: '/v1/me/logins' },
  logout: { method: 'POST', path: '/v1/me/logout' },
  listUsers: { method: 'GET', path: '/v1/users' },
  getUser: { method: 'GET', path: '/v1/users/{userId}' },
  eraseUser: { method: 'POST', path: '/v1/users/{userId}/erase' },
  getErasure: { method: 'GET', path: '/v1/users/{userId}/erasure' },
  holdUser: { method: 'POST', path: '/v1/users/{userId}/hold' },
  holdSession: { method: 'POST', path: '/v1/sessions/{sessionId}/hold' },
  releaseUser: { method: 'POST', path: '/v1/users/{userId}/release' },
  releaseSession: { method: 'POST', path: '/v1/sessions/{sessionId}/release' },
  searchMessages: { method: 'GET', path: '/v1/search' },
  listDevices: { method: 'GET', path: '/v1/me/push-devices' },
  registerDevice: { method: 'POST', path: '/v1/me/push-devices' },
  unregisterDevice: { method: 'POST', path: '/v1/me/push-devices/remove' },
  reportPushOpened: { method: 'POST', path: '/v1/me/push-opened' },
  push: { method: 'POST', path: '/v1/pushes' },
  startUpload: { method: 'POST', path: '/v1/media' },
  getDownloadLink: { method: 'GET', path: '/v1/media/{mediaId}' },
  deleteMedia: { method: 'DELETE', path: '/v1/media/{mediaId}' },
  notify: { method: 'POST', path: '/v1/notifications' },
  startBroadcast: { method: 'POST', path: '/v1/jobs/broadcast' },
  startUserImport: { method: 'POST', path: '/v1/jobs/import-users' },
  startUserErasure: { method: 'POST', path: '/v1/jobs/erase-users' },
  startUserExport: { method: 'POST', path: '/v1/jobs/export-user' },
  listJobs: { method: 'GET', path: '/v1/jobs' },
  getJob: { method: 'GET', path: '/v1/jobs/{jobId}' },
  getJobResult: { method: 'GET', path: '/v1/jobs/{jobId}/result' },
  cancelJob: { method: 'POST', path: '/v1/jobs/{jobId}/cancel' },
  issueToken: { method: 'POST', path: '/v1/tokens' },
  revokeTokens: { method: 'POST', path: '/v1/tokens/revoke' },
  logoutUser: { method: 'POST', path: '/v1/users/{userId}/logout' },
  disableUser: { method: 'POST', path: '/v1/users/{userId}/disable' },
  enableUser: { method: 'POST', path: '/v1/users/{userId}/enable' },
  listKeys: { method: 'GET', path: '/v1/keys' },
  createKey: { method: 'POST', path: '/v1/keys' },
  rotateKey: { method: 'POST', path: '/v1/keys/{keyId}/rotate' },
  setKeyQuota: { method: 'PUT', path: '/v1/keys/{keyId}/quota' },
  revokeKey: { method: 'DELETE', path: '/v1/keys/{keyId}' },
  listAppKeys: { method: 'GET', path: '/v1/apps/{app}/keys' },
  createAppKey: { method: 'POST', path: '/v1/apps/{app}/keys' },
  listWebhooks: { method: 'GET', path: '/v1/webhooks' },
  createWebhook: { method: 'POST', path: '/v1/webhooks' },
  getWebhook: { method: 'GET', path: '/v1/webhooks/{webhookId}' },
  changeWebhook: { method: 'PATCH', path: '/v1/webhooks/{webhookId}' },
  deleteWebhook: { method: 'DELETE', path: '/v1/webhooks/{webhookId}' },
  rotateWebhookSecret: { method: 'POST', path: '/v1/webhooks/{webhookId}/rotate' },
  testWebhook: { method: 'POST', path: '/v1/webhooks/{webhookId}/test' },
  listDeliveries: { method: 'GET', path: '/v1/webhooks/{webhookId}/deliveries' },
  listDeadSessions: { method: 'GET', path: '/v1/webhooks/{webhookId}/dead' },
  replayDeadSession: { method: 'POST', path: '/v1/webhooks/{webhookId}/dead/{sessionId}/replay' },
  discardDeadSession: { method: 'DELETE', path: '/v1/webhooks/{webhookId}/dead/{sessionId}' },
  listActs: { method: 'GET', path: '/v1/audit' },
  getTotals: { method: 'GET', path: '/v1/statistics/totals' },
  getActiveUsers: { method: 'GET', path: '/v1/statistics/active-users' },
  getMessageCounts: { method: 'GET', path: '/v1/statistics/messages' },
  getGroupCounts: { method: 'GET', path: '/v1/statistics/groups' },
  getRetention: { method: 'GET', path: '/v1/statistics/retention' },
  getLatency: { method: 'GET', path: '/v1/statistics/latency' },
  getPushFunnel: { method: 'GET', path: '/v1/statistics/pushes' },
  listDeadLetters: { method: 'GET', path: '/v1/dead-letters' },
  inspectDeadLetter: { method: 'GET', path: '/v1/dead-letters/{processor}/{topic}/{partition}/{offset}' },
  retryDeadLetter: { method: 'POST', path: '/v1/dead-letters/{processor}/{topic}/{partition}/{offset}/retry' },
  discardDeadLetter: { method: 'POST', path: '/v1/dead-letters/{processor}/{topic}/{partition}/{offset}/discard' },
  getHealth: { method: 'GET', path: '/v1/health' },
}
