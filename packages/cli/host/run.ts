import { execFile } from 'node:child_process'

/** What a finished program said. */
export interface Finished {
  code: number
  stdout: string
  stderr: string
}

/** Run a program to its end; a non-zero exit is an answer, not an exception. @throws when it cannot be started or the signal aborts */
export function run(
  program: string,
  args: string[],
  options: { env?: NodeJS.ProcessEnv; signal?: AbortSignal; timeoutMs?: number } = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      {
        maxBuffer: 64 * 1024 * 1024,
        timeout: options.timeoutMs ?? 0,
        ...(options.env ? { env: options.env } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      },
      (error, stdout, stderr) => {
        const code = (error as { code?: number | string } | null)?.code
        if (error && typeof code !== 'number') return reject(error)
        resolve({ code: typeof code === 'number' ? code : 0, stdout, stderr })
      },
    )
  })
}
