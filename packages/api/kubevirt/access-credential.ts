import { Empty, object, optional, set, text } from '../schema.ts'

const source = optional({ secret: object({ secretName: text }) })

/** Who may log into the guest, from a Secret. */
export const AccessCredential = optional({
  sshPublicKey: object({
    source,
    propagationMethod: optional({
      noCloud: Empty,
      configDrive: Empty,
      qemuGuestAgent: object({ users: set(text) }),
    }),
  }),
  userPassword: object({ source, propagationMethod: optional({ qemuGuestAgent: Empty }) }),
})
