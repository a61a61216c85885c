import { useState } from 'react'
import { Alert, Card, CardBody, Skeleton, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core'
import type { UsageHistory } from '@thresher/api/metrics/usage'
import { useTexts } from '../text/text.ts'
import { Chart, type ChartProps } from './chart.tsx'
import { historyPath, useHistory, type UsageOf } from './use-history.ts'

/** What there is in all, of which some is used. */
export interface Totals {
  cpus?: number
  memoryBytes?: number
}

const ranges = [60, 360, 1440] as const

/** CPU, memory, disk and network over the last hours. */
export function UsagePanel({ of, totals }: { of: UsageOf; totals: Totals }) {
  const texts = useTexts()
  const [minutes, setMinutes] = useState<number>(ranges[0])
  const { history, failure } = useHistory(historyPath(of, minutes))
  return (
    <div className="th-usage">
      <ToggleGroup isCompact aria-label={texts.t('timeRange')}>
        {ranges.map((range) => (
          <ToggleGroupItem
            key={range}
            text={texts.t('lastHours', { count: range / 60 })}
            isSelected={minutes === range}
            onChange={() => setMinutes(range)}
          />
        ))}
      </ToggleGroup>
      {failure && (
        <Alert isInline variant="info" title={failure.title}>
          {failure.detail}
        </Alert>
      )}
      {!failure && <Charts history={history} totals={totals} />}
    </div>
  )
}

function Charts({ history, totals }: { history: UsageHistory | undefined; totals: Totals }) {
  const texts = useTexts()
  const charts = useCharts(history, totals)
  if (history && history.series.memory.every((value) => value === null))
    return <p className="th-calm">{texts.t('notMeasured')}</p>
  return (
    <div className="th-charts" aria-busy={charts === undefined}>
      {charts?.map((chart) => (
        <Card key={chart.title} isCompact>
          <CardBody>
            <Chart {...chart} />
          </CardBody>
        </Card>
      )) ??
        ['cpu', 'memory', 'disk', 'network'].map((name) => (
          <Skeleton key={name} height="12rem" screenreaderText={texts.t('loading')} />
        ))}
    </div>
  )
}

function useCharts(history: UsageHistory | undefined, { cpus, memoryBytes }: Totals): ChartProps[] | undefined {
  const texts = useTexts()
  if (!history) return undefined
  const { startSeconds, stepSeconds, series } = history
  const time = { startSeconds, stepSeconds }
  const speed = (bytes: number) => texts.t('perSecond', { amount: texts.bytes(bytes) })
  const { diskRead, diskWrite, networkReceive, networkTransmit } = series
  const flow = (title: string, ...series: ChartProps['series']): ChartProps => ({
    ...time,
    title,
    series,
    format: speed,
    base: 1024,
    total: 1024,
  })
  return [
    {
      ...time,
      title: cpus ? `${texts.t('cpu')} · ${texts.t('cpusOf', { count: cpus })}` : texts.t('cpu'),
      series: [{ label: texts.t('cpu'), points: series.cpu.map((value) => value && value / (cpus || 1)) }],
      format: (share) => texts.percent(share),
      total: 0.1,
    },
    {
      ...time,
      title: memoryBytes ? `${texts.t('memory')} · ${texts.bytes(memoryBytes)}` : texts.t('memory'),
      series: [{ label: texts.t('memory'), points: series.memory }],
      format: (bytes) => texts.bytes(bytes),
      base: 1024,
      total: memoryBytes,
    },
    flow(
      texts.t('disks'),
      { label: texts.t('read'), points: diskRead },
      { label: texts.t('written'), points: diskWrite },
    ),
    flow(
      texts.t('network'),
      { label: texts.t('received'), points: networkReceive },
      { label: texts.t('sent'), points: networkTransmit },
    ),
  ]
}
