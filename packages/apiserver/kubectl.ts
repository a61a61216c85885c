import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a command printed, and how it ended. */
export interface KubectlResult {
  code: number
  stdout: string
  stderr: string
}

/** The installed kubectl against one server, for tests. */
export interface Kubectl extends AsyncDisposable {
  /** Run a command with arguments; `input` goes to its standard input. */
  (...args: (string | { input: string })[]): Promise<KubectlResult>
  /** The 20 of version 1.20: Debian 12 has that one, which lacks some commands of later ones. */
  minor: number
}

/** kubectl with a cache and settings of its own. @throws {Error} when none is installed: Debian's package is kubernetes-client */
export async function kubectlFor(kubeconfig: string): Promise<Kubectl> {
  const home = await mkdtemp(join(tmpdir(), 'thresher-kubectl-'))
  const run = (...args: (string | { input: string })[]) =>
    new Promise<KubectlResult>((resolve, reject) => {
      const texts = args.filter((arg) => typeof arg === 'string')
      const input = args.find((arg) => typeof arg !== 'string')?.input
      const child = execFile(
        'kubectl',
        texts,
        { env: { PATH: process.env.PATH, HOME: home, KUBECONFIG: kubeconfig }, timeout: 30_000 },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : error.code
          if (code === 'ENOENT' || (error && typeof code !== 'number'))
            reject(new Error(`kubectl does not run: ${error?.message}`))
          else resolve({ code: code as number, stdout, stderr })
        },
      )
      child.stdin?.end(input ?? '')
    })
  const { stdout } = await run('version', '--client', '-o', 'json')
  const { clientVersion } = JSON.parse(stdout) as { clientVersion: { minor: string } }
  const minor = parseInt(clientVersion.minor, 10)
  return Object.assign(run, { minor, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) })
}
