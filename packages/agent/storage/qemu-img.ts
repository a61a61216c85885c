import { execFile } from 'node:child_process'
import { DriverError, type DriverReason } from './volume-driver.ts'

/**
 * Run qemu-img on files that this host wrote itself. For files from outside see sandbox.ts.
 *
 * @param subject what the message names: `volume pvc-1`
 * @throws {DriverError} `NoSpace`, `InUse` or `CommandFailed` with qemu-img's words; the signal's reason when aborted
 */
export function qemuImg(args: string[], subject: string, options: { cwd?: string; signal?: AbortSignal } = {}) {
  return new Promise<string>((resolve, reject) => {
    const { signal, cwd } = options
    execFile('qemu-img', args, { cwd, signal, maxBuffer: 4 * 1024 * 1024 }, (error, out, errors) => {
      if (!error) return resolve(out)
      if (signal?.aborted) return reject(signal.reason as Error)
      if ('code' in error && error.code === 'ENOENT')
        return reject(new DriverError('CommandFailed', 'qemu-img is missing; install the package qemu-utils'))
      reject(toolError(errors, subject, error))
    })
  })
}

const causes: [RegExp, DriverReason, (subject: string) => string][] = [
  [
    /No space left|File too large|Disk quota/i,
    'NoSpace',
    (subject) => `the disk is full: ${subject} does not fit; free some space`,
  ],
  [/Failed to get (shared )?"[a-z]+" lock/i, 'InUse', (subject) => `${subject} is open in another process`],
]

/** Turn what a tool said into an error. */
export function toolError(said: string, subject: string, cause?: unknown): DriverError {
  for (const [pattern, reason, message] of causes) {
    if (pattern.test(said)) return new DriverError(reason, message(subject), { cause })
  }
  const words = said
    .trim()
    .replace(/^qemu-img: /, '')
    .split('\n')
    .slice(0, 3)
    .join('; ')
    .slice(0, 500)
  return new DriverError('CommandFailed', `qemu-img failed on ${subject}: ${words || 'it said nothing'}`, { cause })
}
