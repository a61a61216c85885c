import type { Resource } from './registry.ts'
import type { RequestInfo } from './request.ts'

/** Upper bounds, in seconds, of the duration histogram. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

interface Series {
  count: number
  seconds: number
  buckets: number[]
}

/** Counts requests and renders them with the caches' sizes as Prometheus text. */
export class Metrics {
  readonly #requests = new Map<string, number>()
  readonly #durations = new Map<string, Series>()
  #unexpected = 0
  #failedCompactions = 0

  /** @param milliseconds until the answer was ready to be sent */
  request(info: RequestInfo | undefined, status: number, milliseconds: number): void {
    // What does not exist gets one name, so that probing clients cannot make series without end.
    const known = info?.resourceRequest && status !== 404
    const verb = known ? info.verb : 'other'
    const resource = known ? info.resource : ''
    const labels = `verb="${verb}",group="${known ? escape(info.group) : ''}",resource="${escape(resource)}"`
    const key = `${labels},code="${status}"`
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1)
    if (verb === 'watch') return
    const id = `verb="${verb}"`
    const series = this.#durations.get(id) ?? { count: 0, seconds: 0, buckets: BUCKETS.map(() => 0) }
    this.#durations.set(id, series)
    const seconds = milliseconds / 1000
    series.count += 1
    series.seconds += seconds
    const bucket = BUCKETS.findIndex((bound) => seconds <= bound)
    if (bucket >= 0) series.buckets[bucket]! += 1
  }

  /** A failure that is our fault, answered with 500. */
  unexpected(): void {
    this.#unexpected += 1
  }

  /** The store could not forget the past. */
  compactionFailed(): void {
    this.#failedCompactions += 1
  }

  render(resources: Resource[], revision: number): string {
    const lines: string[] = []
    const family = (name: string, type: string, help: string, samples: string[]) => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples)
    }
    family(
      'apiserver_request_total',
      'counter',
      'Requests by verb, resource and HTTP status.',
      [...this.#requests].map(([labels, count]) => `apiserver_request_total{${labels}} ${count}`),
    )
    family(
      'apiserver_request_duration_seconds',
      'histogram',
      'Time until the answer was ready.',
      [...this.#durations].flatMap(([labels, series]) =>
        histogram('apiserver_request_duration_seconds', labels, series),
      ),
    )
    const per = (name: string, help: string, value: (resource: Resource) => number) =>
      family(
        name,
        'gauge',
        help,
        resources.map((one) => `${name}{group="${escape(one.group)}",resource="${escape(one.plural)}"} ${value(one)}`),
      )
    per('apiserver_storage_objects', 'Objects stored.', (one) => one.cache.size)
    per(
      'apiserver_storage_unreadable_objects',
      'Objects left out because their value in the store cannot be read.',
      (one) => one.cache.unreadableCount,
    )
    per('apiserver_storage_bytes', 'Bytes of JSON of the objects stored.', (one) => one.cache.bytes)
    per('apiserver_registered_watchers', 'Watches open.', (one) => one.cache.watchers)
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    family('apiserver_storage_revision', 'gauge', 'The newest revision.', [`apiserver_storage_revision ${revision}`])
    family('apiserver_unexpected_failures_total', 'counter', 'Failures that are bugs.', [
      `apiserver_unexpected_failures_total ${this.#unexpected}`,
    ])
    family('apiserver_storage_compaction_failures_total', 'counter', 'Compactions of the store that failed.', [
      `apiserver_storage_compaction_failures_total ${this.#failedCompactions}`,
    ])
    family('process_resident_memory_bytes', 'gauge', 'Resident memory.', [
      `process_resident_memory_bytes ${memory.rss}`,
    ])
    family('process_heap_bytes', 'gauge', 'JavaScript heap in use.', [`process_heap_bytes ${memory.heapUsed}`])
    family('process_cpu_seconds_total', 'counter', 'CPU time.', [
      `process_cpu_seconds_total ${((cpu.user + cpu.system) / 1e6).toFixed(3)}`,
    ])
    return `${lines.join('\n')}\n`
  }
}

function histogram(name: string, labels: string, series: Series): string[] {
  let sum = 0
  return [
    ...BUCKETS.map((bound, index) => {
      sum += series.buckets[index]!
      return `${name}_bucket{${labels},le="${bound}"} ${sum}`
    }),
    `${name}_bucket{${labels},le="+Inf"} ${series.count}`,
    `${name}_sum{${labels}} ${series.seconds.toFixed(6)}`,
    `${name}_count{${labels}} ${series.count}`,
  ]
}

function escape(text: string): string {
  return text.replace(/[\\"\n]/g, '_')
}
