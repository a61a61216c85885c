import type { Static } from 'typebox'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { readTrusted } from '@thresher/client/node/trusted-file'

const Program = Type.Object({
  /** How often this supervisor started it. */
  starts: Type.Integer({ minimum: 0 }),
  /** Why the last start failed, until one succeeds. */
  failure: Type.Optional(Type.String()),
  givenUp: Type.Boolean(),
})

/** What a supervisor says of its programs, by their names. */
const Report = Type.Record(Type.String(), Program)
export type SupervisorReport = Static<typeof Report>

/** What the supervisor last said; nothing when there is none. */
export function readReport(file: string): SupervisorReport {
  try {
    const value: unknown = JSON.parse(readTrusted(file))
    return matches(Report, value) ? value : {}
  } catch {
    return {}
  }
}
