/** What a process can be told to run, in the order in which services start and drain. */
export const ROLES = ['gateway', 'sequencer', 'history', 'membership', 'archive', 'push', 'webhooks', 'verify'] as const
export type Role = (typeof ROLES)[number]
