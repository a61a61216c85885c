import { ApiError } from '@thresher/api/error'
import type { UsageHistory } from '@thresher/api/metrics/usage'
import type { UsageRecorder } from '../usage/recorder.ts'

/** `GET /usage/history?minutes=60[&namespace=…&name=…]`. @throws {ApiError} NotFound when nothing has been measured yet */
export function usageHistory(usage: Pick<UsageRecorder, 'history'>, query: URLSearchParams): UsageHistory {
  const namespace = query.get('namespace')
  const name = query.get('name')
  const machine = namespace && name ? { namespace, name } : undefined
  const found = usage.history(Number(query.get('minutes') ?? 60), machine)
  if (!found)
    throw new ApiError('NotFound', machine ? `${namespace}/${name} was not measured here` : 'nothing is measured yet')
  return found
}
