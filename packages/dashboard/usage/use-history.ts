import { useEffect, useState } from 'react'
import { ApiError } from '@thresher/api/error'
import { matches } from '@thresher/api/matches'
import { sampleSeconds, usageGroup, usageVersion, UsageHistory } from '@thresher/api/metrics/usage'
import { failureOf, type Failure } from '../app/failure.ts'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'

/** Whose usage: of a machine, a host, or of all hosts together. */
export type UsageOf = { machine: { namespace: string; name: string } } | { host: string } | 'cluster'

/** Where the past of something is served. */
export function historyPath(of: UsageOf, minutes: number): string {
  const base = `/apis/${usageGroup}/${usageVersion}`
  const place =
    of === 'cluster'
      ? 'clusterhistory'
      : 'host' in of
        ? `nodes/${encodeURIComponent(of.host)}/history`
        : `namespaces/${encodeURIComponent(of.machine.namespace)}/virtualmachines/${encodeURIComponent(of.machine.name)}/history`
  return `${base}/${place}?minutes=${minutes}`
}

/** The past, asked for again whenever there may be a new value, while the page is looked at. */
export function useHistory(path: string): { history?: UsageHistory; failure?: Failure } {
  const { transport } = useConnection()
  const texts = useTexts()
  const [answer, setAnswer] = useState<{ path: string; history?: UsageHistory; failure?: Failure }>()
  useEffect(() => {
    const stop = new AbortController()
    const ask = async () => {
      try {
        const history = await transport.request<unknown>({ method: 'GET', path, signal: stop.signal })
        if (matches(UsageHistory, history)) setAnswer({ path, history })
      } catch (error) {
        if (stop.signal.aborted) return
        if (!(error instanceof ApiError)) throw error
        // What was there stays while the server is away: the banner says so.
        setAnswer((known) =>
          known?.path === path && known.history ? known : { path, failure: failureOf(error, texts) },
        )
      }
    }
    void ask()
    const timer = setInterval(() => document.visibilityState === 'visible' && void ask(), sampleSeconds * 1000)
    return () => {
      stop.abort()
      clearInterval(timer)
    }
  }, [transport, path, texts])
  return answer?.path === path ? answer : {}
}
