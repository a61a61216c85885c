import type { User } from '../../user.ts'

const prefix = 'system:node:'

/** The node that a user is; undefined for everyone else. Both name and group must say so. */
export function nodeOf(user: User): string | undefined {
  if (!user.name.startsWith(prefix) || !user.groups.includes('system:nodes')) return undefined
  return user.name.slice(prefix.length) || undefined
}
