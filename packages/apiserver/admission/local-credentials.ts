import { isDeepStrictEqual } from 'node:util'
import { ApiError } from '@thresher/api/error'
import type { Token } from '@thresher/api/auth/token'
import type { User as LocalUser } from '@thresher/api/auth/user'
import type { AdmissionRequest, AdmissionStep } from '../admission.ts'
import { PasswordHasher, passwordFault } from '../auth/local/password.ts'
import type { Objects } from '../auth/objects.ts'
import type { Authorizer } from '../user.ts'
import { isKind, refuse } from './refuse.ts'

const group = 'auth.thresher.io'

/**
 * Guards the objects of local users and their tokens.
 *
 * A password is kept as a hash only. Whoever sets a user's password, groups or a token could act as that user from then
 * on, so he needs the verb `impersonate` on the user and on each of his groups.
 */
export function localCredentials(
  authorizer: Authorizer,
  objects: () => Objects,
  hasher = new PasswordHasher(),
): AdmissionStep {
  const require = async (request: AdmissionRequest, resource: string, name: string) => {
    const decision = await authorizer.authorize({
      user: request.user,
      verb: 'impersonate',
      resourceRequest: true,
      path: '',
      group: '',
      version: 'v1',
      resource,
      subresource: '',
      namespace: '',
      name,
    })
    if (decision.verdict !== 'allow')
      throw refuse(
        request,
        `to give credentials to a user you need the verb "impersonate" on ${resource} ${JSON.stringify(name)}`,
      )
  }
  return {
    name: 'LocalCredentials',
    async mutate(request) {
      if (!isKind(request, group, 'users') || !request.object) return
      const user = request.object as LocalUser
      const before = (request.oldObject as LocalUser | undefined)?.spec
      const password = user.spec?.password
      if (password === undefined) {
        // Who writes the object from a file that has no hash in it does not mean to take the password away.
        if (before?.passwordHash && user.spec?.passwordHash === undefined) keepPassword(user, before)
        return
      }
      const fault = passwordFault(password, request.name)
      if (fault) throw invalidPassword(request.name, fault)
      delete user.spec?.password
      if (before?.passwordHash && (await hasher.verify(password, before.passwordHash)))
        return keepPassword(user, before)
      // Whoever holds a session of this user from before shall not keep it.
      const tokensValidAfter = new Date().toISOString().replace(/\.\d+/, '')
      user.spec = { ...user.spec, passwordHash: await hasher.hash(password), tokensValidAfter }
    },
    async validate(request) {
      if (request.operation === 'DELETE' || !request.object) return
      if (isKind(request, group, 'tokens')) {
        const { userName } = (request.object as Token).spec
        await require(request, 'users', userName)
        const user = objects().get<LocalUser>({ group, plural: 'users' }, '', userName)
        for (const name of user?.spec?.groups ?? []) await require(request, 'groups', name)
        return
      }
      if (!isKind(request, group, 'users')) return
      const credentials = (user: LocalUser | undefined) => [
        user?.spec?.passwordHash,
        user?.spec?.groups ?? [],
        user?.spec?.disabled ?? false,
      ]
      if (
        isDeepStrictEqual(
          credentials(request.object as LocalUser),
          credentials(request.oldObject as LocalUser | undefined),
        )
      )
        return
      await require(request, 'users', request.name)
      for (const name of (request.object as LocalUser).spec?.groups ?? []) await require(request, 'groups', name)
    },
  }
}

function keepPassword(user: LocalUser, { passwordHash, tokensValidAfter }: NonNullable<LocalUser['spec']>): void {
  user.spec = { ...user.spec, passwordHash, ...(tokensValidAfter ? { tokensValidAfter } : {}) }
}

function invalidPassword(name: string, fault: string): ApiError {
  const message = `Invalid value: ${fault}`
  return new ApiError('Invalid', `User.${group} ${JSON.stringify(name)} is invalid: spec.password: ${message}`, {
    details: { name, group, kind: 'User', causes: [{ reason: 'FieldValueInvalid', message, field: 'spec.password' }] },
  })
}
