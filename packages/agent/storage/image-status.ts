import type { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import type { Condition } from '@thresher/api/meta'
import { formatTime, setCondition, type ConditionWord } from '@thresher/client/conditions'
import { passingReasons } from './plan-import.ts'

type Status = NonNullable<VirtualMachineImage['status']>

/** What is to be said of an import. */
export type ImportNews =
  | { is: 'started'; url?: string }
  | { is: 'awaiting-upload' }
  | { is: 'done'; sizeBytes: number; virtualBytes: number }
  /** `final` when another try is pointless. */
  | { is: 'failed'; reason: string; message: string; final: boolean }

/** An image's status with the news in it. The same object comes back when they are none. */
export function tellStatus(image: VirtualMachineImage, news: ImportNews, now: Date): Status {
  const before: Status = image.status ?? {}
  const words = wordsFor(image, news)
  const list = before.conditions as Condition[] | undefined
  const conditions = words.reduce((all, word) => setCondition(all, word, now), list ?? []) as Status['conditions']
  const next: Status = { ...before, ...fieldsFor(image, news, now), conditions }
  return JSON.stringify(next) === JSON.stringify(before) ? before : next
}

function fieldsFor(image: VirtualMachineImage, news: ImportNews, now: Date): Partial<Status> {
  switch (news.is) {
    case 'started':
      return { progress: 0, ...(news.url ? { appliedUrl: news.url } : {}) }
    case 'awaiting-upload':
      return { progress: image.status?.progress ?? 0 }
    case 'done':
      return { progress: 100, size: news.sizeBytes, virtualSize: news.virtualBytes }
    case 'failed':
      return { failed: failures(image, news), lastFailedTime: formatTime(now) }
  }
}

function wordsFor(image: VirtualMachineImage, news: ImportNews): ConditionWord[] {
  const ready: ConditionWord = { type: 'Initialized', status: 'True', reason: 'Initialized', message: '' }
  const goesOn: ConditionWord = { type: 'RetryLimitExceeded', status: 'False', reason: '', message: '' }
  switch (news.is) {
    case 'started':
      return [ready, { type: 'Imported', status: 'Unknown', reason: 'Importing', message: lastWords(image) }, goesOn]
    case 'awaiting-upload':
      return [ready, { type: 'Imported', status: 'Unknown', reason: 'AwaitingUpload', message: lastWords(image) }]
    case 'done':
      return [ready, { type: 'Imported', status: 'True', reason: 'Imported', message: '' }, goesOn]
    case 'failed': {
      const { reason, message } = news
      const over = news.final || failures(image, news) > (image.spec.retry ?? 3)
      return [
        ready,
        { type: 'Imported', status: 'False', reason, message },
        over ? { type: 'RetryLimitExceeded', status: 'True', reason, message } : goesOn,
      ]
    }
  }
}

/** While another try runs, what the last one said stays readable. */
function lastWords(image: VirtualMachineImage): string {
  return image.status?.conditions?.find(({ type }) => type === 'Imported')?.message ?? ''
}

function failures(image: VirtualMachineImage, { reason }: Extract<ImportNews, { is: 'failed' }>): number {
  return (image.status?.failed ?? 0) + (passingReasons.includes(reason) ? 0 : 1)
}
