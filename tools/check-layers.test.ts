import { describe, expect, it } from 'vitest'
import { importsOf, judge, nodeOnly } from './check-layers.ts'
import { layers } from './layers.ts'

const layer = (folder: string) => layers.find((one) => one.folder === folder)!

describe('the layer check', () => {
  it('finds imports, re-exports, bare imports and dynamic imports', () => {
    const source = `import { a } from './a.ts'\nimport type {\n  B,\n} from "b"\nexport { c } from './c.ts'\nimport 'd'\nconst e = await import('e')\n`
    expect(importsOf(source)).toEqual(['./a.ts', 'b', './c.ts', 'd', 'e'])
  })

  it('refuses an import that points up', () => {
    expect(judge(layer('packages/client'), 'packages/client/x.ts', '@thresher/controllers/y')).toContain(
      'must not import',
    )
  })

  it('refuses a kind of ours in the generic machinery', () => {
    const file = 'packages/apiserver/x.ts'
    expect(judge(layer('packages/apiserver'), file, '@thresher/api/kubevirt/virtual-machine')).toContain(
      'must stay generic',
    )
    expect(judge(layer('packages/apiserver'), file, '@thresher/api/core/pod')).toBeUndefined()
  })

  it('refuses a relative path into another package', () => {
    expect(judge(layer('packages/agent'), 'packages/agent/x.ts', '../controllers/y.ts')).toContain('outside')
  })
})

describe('the check of what a browser runs too', () => {
  const client = layer('packages/client')

  it('refuses modules and names that only Node has', () => {
    const source = `import { x } from 'node:fs'\n// Buffer.from is Node's\nconst a = Buffer.from('x')\nlet t: NodeJS.Timeout\nprocess.exit()\n`
    expect(nodeOnly(client, 'packages/client/x.ts', source).map((one) => one.split(' ')[2])).toEqual([
      'node:fs,',
      'Buffer,',
      'NodeJS,',
      'process,',
    ])
  })

  it('leaves node/, tests and other packages alone', () => {
    const source = `import { x } from 'node:fs'\n`
    expect(nodeOnly(client, 'packages/client/node/x.ts', source)).toEqual([])
    expect(nodeOnly(client, 'packages/client/x.test.ts', source)).toEqual([])
    expect(nodeOnly(layer('packages/agent'), 'packages/agent/x.ts', source)).toEqual([])
  })

  it('takes fields and texts of the same names for what they are', () => {
    expect(nodeOnly(client, 'packages/client/x.ts', `a.process.b\n'process.env'\n`)).toEqual([])
  })
})
