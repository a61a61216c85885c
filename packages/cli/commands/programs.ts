import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Command } from '../command.ts'
import { nodeBinary } from '../host/installation.ts'

/** Runs one of the two programs in the foreground, for a service manager of the user's own. */
function foreground(name: 'server' | 'agent', summary: string): Command {
  return {
    path: [name],
    summary,
    arguments: [{ name: 'options', description: `what ${name} --help lists`, optional: true, variadic: true }],
    passOptions: true,
    async run({ paths }, args) {
      const child = spawn(
        nodeBinary(paths.app),
        ['--disable-warning=ExperimentalWarning', join(paths.app, `packages/${name}/main.ts`), ...args],
        {
          stdio: 'inherit',
        },
      )
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal))
      process.exitCode = await new Promise<number>((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code) => resolve(code ?? 1))
      })
    },
  }
}

export const server = foreground('server', 'Run the API server and the controllers in the foreground')
export const agent = foreground('agent', 'Run the agent in the foreground')
