import { useEffect, useState } from 'react'
import { ApiError } from '@thresher/api/error'
import type { KubeObject } from '@thresher/api/meta'
import type { KindAddress } from '@thresher/client/paths'
import { failureOf, type Failure } from '../app/failure.ts'
import { useConnection } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'

/** Typing on puts the check off by this. */
const pauseMs = 500

/** What the server would say to creating the draft as it is now; undefined while it would take it, or it is not asked. */
export function useDryRun(kind: KindAddress, draft: KubeObject | undefined): Failure | undefined {
  const texts = useTexts()
  const { client } = useConnection()
  const [failure, setFailure] = useState<Failure>()
  const text = draft && JSON.stringify(draft)
  useEffect(() => {
    if (!text) return setFailure(undefined)
    const stop = new AbortController()
    const timer = setTimeout(() => {
      client
        .resource<KubeObject>(kind)
        .create(JSON.parse(text) as KubeObject, { dryRun: true, signal: stop.signal })
        .then(
          () => setFailure(undefined),
          (error: unknown) => {
            if (stop.signal.aborted || !(error instanceof ApiError) || error.code >= 500) return
            setFailure(failureOf(error, texts))
          },
        )
    }, pauseMs)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [client, kind, text, texts])
  return failure
}
