import type { CertificateSigningRequest } from '@thresher/api/certificates/certificate-signing-request'
import type { KubeObject } from '@thresher/api/meta'
import type { AdmissionStep } from '../admission.ts'
import type { User } from '../user.ts'
import { userInfo } from '../auth/reviews/identity.ts'

/** Fields that say who made an object: the server's to write, whatever the maker sent. */
const rows: { [type: string]: ((object: KubeObject, user: User) => void) | undefined } = {
  'certificates.k8s.io/certificatesigningrequests': (object, user) => {
    const request = object as CertificateSigningRequest
    const { username, uid, groups, extra } = userInfo(user) as Partial<CertificateSigningRequest['spec']>
    const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...asked } = request.spec
    request.spec = {
      ...asked,
      username,
      ...(uid === undefined ? {} : { uid }),
      groups,
      ...(extra === undefined ? {} : { extra }),
    }
  },
}

/** Fills in who asks, and keeps it afterwards with all that he asked: who approves a wish approves what he saw. */
export const requesterFields: AdmissionStep = {
  name: 'RequesterFields',
  mutate({ kind, subresource, operation, object, oldObject, user }) {
    const fill = rows[`${kind.group}/${kind.plural}`]
    if (!fill || !object || subresource !== '') return
    if (operation === 'CREATE') fill(object, user)
    else if (oldObject) Object.assign(object, { spec: (oldObject as { spec?: unknown }).spec })
  },
}
