import { isGuestUid } from '../guest-uids.ts'
import type { ComputeHost } from './host.ts'

/**
 * Whether a process of this user may be QEMU, or what runs beside it: runs' own users, the one that all shared before, and root for
 * the moment before QEMU becomes one of them.
 */
export function mayBeQemu({ user, guestUids }: Pick<ComputeHost, 'user' | 'guestUids'>, uid: number): boolean {
  return isGuestUid(guestUids, uid) || uid === user.uid || uid === 0
}
