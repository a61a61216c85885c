import { mapTo, optional, text, texts } from '../schema.ts'

/** Who a user is. */
export const UserInfo = optional({ username: text, uid: text, groups: texts, extra: mapTo(texts) })
