import { execFile } from 'node:child_process'

/** What a program said at its end. */
export interface Outcome {
  /** 124 when it was ended because it took too long. */
  code: number
  stdout: string
  stderr: string
}

/** How a program is run. */
export interface RunOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** What it reads from its standard input; nothing unless said. */
  input?: string
  /** 180 000 unless said. */
  timeoutMs?: number
}

/** Run a program to its end; a non-zero exit is part of the outcome. @throws when it cannot be started */
export function execute(program: string, args: string[], options: RunOptions = {}): Promise<Outcome> {
  const { input = '', timeoutMs = 180_000, ...rest } = options
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      { ...rest, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : undefined
        if (error && code === undefined && !error.killed) return reject(error)
        resolve({ code: code ?? (error ? 124 : 0), stdout, stderr })
      },
    )
    // A program that ends without reading its input is no failure of ours.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}

/**
 * Run a program that must succeed.
 *
 * @returns what it printed
 * @throws {Error} with the program's last words when it fails or takes too long
 */
export async function run(program: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await execute(program, args, options)
  if (code === 0) return stdout
  const words = stderr.trim().split('\n').slice(-3).join('; ') || `exit code ${code}`
  throw new Error(`${program} ${args.join(' ')} failed: ${words}`)
}
