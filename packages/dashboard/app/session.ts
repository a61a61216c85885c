import type { Transport } from '@thresher/client/transport'

/** Who is signed in. */
export interface Session {
  user: string
  displayName?: string
  /** Where the user has been given rights. */
  namespaces?: string[]
  mustChangePassword?: boolean
  expiresAt?: string
}

const path = '/session'

/** The session that the browser's cookie stands for. @throws {ApiError} Unauthorized without one */
export function currentSession(transport: Transport): Promise<Session> {
  return transport.request<Session>({ method: 'GET', path })
}

/** @throws {ApiError} Unauthorized for a wrong name or password, TooManyRequests after many */
export function signIn(transport: Transport, username: string, password: string): Promise<Session> {
  return transport.request<Session>({ method: 'POST', path, body: { username, password } })
}

export async function signOut(transport: Transport): Promise<void> {
  await transport.request({ method: 'DELETE', path })
}

/** All other sessions of the user end. @throws {ApiError} with the rule that the new password breaks */
export async function changePassword(
  transport: Transport,
  currentPassword: string,
  newPassword: string,
): Promise<void> {
  await transport.request({ method: 'POST', path: `${path}/password`, body: { currentPassword, newPassword } })
}
