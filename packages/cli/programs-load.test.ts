import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

// Here modules are loaded by vitest, which finds names in packages of the older form where Node itself finds none.
test.each(['@thresher/server/server', '@thresher/agent/agent', '@thresher/cli/commands'])(
  'Node itself loads %s',
  (program) => {
    const said = execFileSync(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '--eval',
        `await import('${program}'); console.log('loaded')`,
      ],
      { cwd: fileURLToPath(new URL('.', import.meta.url)), encoding: 'utf8' },
    )
    expect(said).toBe('loaded\n')
  },
)
