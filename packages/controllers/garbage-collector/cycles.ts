/** A dependent that holds its owner's deletion back. */
export interface Blocker {
  uid: string
  /** It is being deleted itself and waits for dependents of its own. */
  foreground: boolean
}

/** Longer cycles are left to whoever made them; looking for them would cost too much. */
const farthest = 1000

/**
 * Whether an owner that waits for `blocker` is, through others that wait, waited for by it: a cycle, in which nobody would ever go.
 *
 * @param owner the uid of the object that waits
 * @param blockersOf the dependents that hold back the deletion of the object with this uid
 */
export function waitsFor(blocker: Blocker, owner: string, blockersOf: (uid: string) => readonly Blocker[]): boolean {
  const seen = new Set<string>()
  const pending = [blocker]
  while (pending.length > 0 && seen.size < farthest) {
    const { uid, foreground } = pending.pop()!
    if (!foreground || seen.has(uid)) continue
    if (uid === owner) return true
    seen.add(uid)
    pending.push(...blockersOf(uid))
  }
  return false
}
