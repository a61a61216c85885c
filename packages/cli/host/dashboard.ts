import { join } from 'node:path'
import { nodeBinary } from './installation.ts'
import { run } from './run.ts'

/**
 * Build the dashboard where its sources are newer than what is there. A process of its own does it, so that nothing else waits.
 *
 * @returns one line that says what came of it: a host whose dashboard cannot be built still has its API
 */
export async function buildDashboard(app: string, signal: AbortSignal): Promise<string> {
  const args = ['--disable-warning=ExperimentalWarning', join(app, 'packages/dashboard/node/build.ts')]
  const { code, stdout, stderr } = await run(nodeBinary(app), args, { signal })
  const last = (text: string) => text.trim().split('\n').at(-1) ?? ''
  return code === 0 ? last(stdout) : `not built, the API works without it: ${last(stderr)}`
}
