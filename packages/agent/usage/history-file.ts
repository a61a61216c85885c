import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { matches } from '@thresher/api/matches'
import { Type } from '@thresher/api/type'
import { History } from './history.ts'

/** The form of the file. Another one's is not read: what is lost is a day of charts. */
const version = 1

const Rings = Type.Array(
  Type.Object({
    stepSeconds: Type.Integer(),
    last: Type.Integer(),
    count: Type.Integer(),
    values: Type.String(),
  }),
)
const Saved = Type.Object({
  version: Type.Literal(version),
  histories: Type.Array(Type.Object({ key: Type.String(), rings: Rings })),
})

/** Write the histories down, whole or not at all. @throws {Error} when the disk refuses */
export function writeHistories(path: string, histories: ReadonlyMap<string, History>): void {
  const saved = [...histories].map(([key, history]) => ({ key, rings: history.save() }))
  const temporary = `${path}.${process.pid}`
  writeFileSync(temporary, JSON.stringify({ version, histories: saved }), { mode: 0o600 })
  renameSync(temporary, path)
}

/** What {@link writeHistories} wrote; nothing when there is no file, or not one of this version. Never throws. */
export function readHistories(path: string): Map<string, History> {
  const found = new Map<string, History>()
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return found
  }
  if (!matches(Saved, value)) return found
  for (const { key, rings } of value.histories) {
    const history = new History()
    history.restore(rings)
    found.set(key, history)
  }
  return found
}
