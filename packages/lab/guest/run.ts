import { execFile } from 'node:child_process'

/** How a program is run. */
export interface RunOptions {
  cwd?: string
  env?: Record<string, string | undefined>
  input?: string
  timeoutMs?: number
}

/**
 * Run a program to its end.
 *
 * @returns what it printed
 * @throws {Error} with the program's last words when it fails or takes too long
 */
export function run(program: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { input, timeoutMs = 180_000, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { ...rest, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, out, errors) => {
        if (!error) return resolve(out)
        const words = errors.trim().split('\n').slice(-3).join('; ') || error.message
        reject(new Error(`${program} ${args[0] ?? ''} failed: ${words}`, { cause: error }))
      },
    )
    child.stdin?.on('error', () => {})
    child.stdin?.end(input ?? '')
  })
}
