/**
 * Start with many objects in the store: time until ready, and memory against the objects' JSON.
 *
 *     node bench/api-start.ts [--objects 100000]
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { encodeObject, objectPrefix } from '@thresher/apiserver/entry'
import { SqliteStore } from '@thresher/apiserver/store/sqlite'
import { sampleObject } from './api-shapes.ts'

const { values } = parseArgs({
  options: { objects: { type: 'string', default: '100000' }, profile: { type: 'string' } },
})
const objects = Number(values.objects)
const directory = mkdtempSync(join(tmpdir(), 'thresher-bench-'))
try {
  const store = await SqliteStore.open(join(directory, 'store.db'))
  const prefix = objectPrefix('bench.thresher.io/v1', 'Sample')
  let bytes = 0
  for (let from = 0; from < objects; from += 500) {
    const batch = Array.from({ length: Math.min(500, objects - from) }, (_, index) => {
      const name = `s-${from + index}`
      const object = sampleObject(name, 2700) as { metadata: Record<string, unknown> }
      object.metadata.namespace = 'default'
      object.metadata.uid = crypto.randomUUID()
      const value = encodeObject(prefix, object as never)
      bytes += value.byteLength
      return store.create(`/bench.thresher.io/samples/default/${name}`, value)
    })
    await Promise.all(batch)
  }
  await store.close()
  const begun = performance.now()
  const child = fork(join(import.meta.dirname, 'api-server-process.ts'), ['api', directory], {
    execArgv: values.profile ? ['--cpu-prof', '--cpu-prof-dir', values.profile] : [],
  })
  const { pid } = await new Promise<{ pid: number }>((resolve) => child.once('message', resolve as never))
  const seconds = (performance.now() - begun) / 1000
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
  const atStart = rss()
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const cpuSeconds = (Number(stat[11]) + Number(stat[12])) / 100
  await new Promise((resolve) => setTimeout(resolve, 3000))
  console.table({
    objects,
    'JSON MiB': Math.round(bytes / 2 ** 20),
    'seconds from start of the process to ready': seconds.toFixed(2),
    'CPU seconds until then': cpuSeconds.toFixed(2),
    'RSS MiB at ready': Math.round(atStart / 2 ** 20),
    'RSS MiB later': Math.round(rss() / 2 ** 20),
    'RSS / JSON': (rss() / bytes).toFixed(2),
  })
  child.disconnect()
} finally {
  rmSync(directory, { recursive: true, force: true })
}
