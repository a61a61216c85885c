import { Progress, ProgressMeasureLocation, ProgressSize } from '@patternfly/react-core'
import { useTexts } from '../text/text.ts'
import type { Load } from './capacity.ts'

/** CPU and memory that are promised, of what there is. */
export function LoadBars({ load }: { load: Load }) {
  const texts = useTexts()
  const bar = (title: string, used: number, total: number, format: (value: number) => string) => {
    const label = texts.t('ofTotal', { used: format(used), total: format(total) })
    return (
      <Progress
        title={title}
        size={ProgressSize.sm}
        measureLocation={ProgressMeasureLocation.top}
        value={total > 0 ? Math.min(100, (used / total) * 100) : 0}
        label={label}
        valueText={label}
        variant={total > 0 && used / total > 0.9 ? 'warning' : undefined}
      />
    )
  }
  return (
    <>
      {bar(texts.t('cpus'), load.cpuUsed, load.cpu, (millicores) => texts.number(millicores / 1000))}
      {bar(texts.t('memory'), load.memoryUsed, load.memory, (bytes) => texts.bytes(bytes))}
    </>
  )
}
