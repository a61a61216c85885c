/** An object of a repository is not what it was when it was written. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError'
}
