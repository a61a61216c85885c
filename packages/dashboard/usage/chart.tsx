import { useState, type KeyboardEvent, type PointerEvent } from 'react'
import { useTexts } from '../text/text.ts'
import { drawing, largestOf, lastOf, pathsOf, ticksFor, type Points } from './scale.ts'

/** One line of a chart. */
export interface Series {
  label: string
  points: Points
}

/** What a chart shows: one or two lines over the same time. */
export interface ChartProps {
  title: string
  series: Series[]
  /** When the first step begins, in seconds since 1970, and how long a step is. */
  startSeconds: number
  stepSeconds: number
  format: (value: number) => string
  /** The axis reaches at least so far: what there is of it. */
  total?: number
  /** Sizes have marks in units of 1024. */
  base?: 10 | 1024
}

/** Usage over time, drawn without a library. Pointing, or the arrow keys, read single moments. */
export function Chart({ title, series, startSeconds, stepSeconds, format, total = 0, base = 10 }: ChartProps) {
  const texts = useTexts()
  const [at, setAt] = useState<number>()
  const points = series.map((one) => one.points)
  const steps = points[0]?.length ?? 0
  const ticks = ticksFor(Math.max(total, largestOf(points)), base)
  const top = ticks.at(-1) ?? 1
  const read = at !== undefined && at < steps
  const shown = series.map((one) => ({ ...one, value: read ? (one.points[at] ?? undefined) : lastOf(one.points) }))
  const timeOf = (step: number) => texts.time((startSeconds + step * stepSeconds) * 1000)
  const point = (event: PointerEvent<HTMLDivElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect()
    setAt(clamp(Math.round(((event.clientX - left) / width) * (steps - 1)), steps))
  }
  const step = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -steps, End: steps }[event.key]
    if (event.key === 'Escape') return setAt(undefined)
    if (by === undefined) return
    event.preventDefault()
    setAt(clamp((at ?? steps - 1) + by, steps))
  }
  const summary = shown.map(({ label, value }) => `${label}: ${value === undefined ? '—' : format(value)}`).join(', ')
  return (
    <figure className="th-chart">
      <figcaption className="th-chart-head">
        <strong>{title}</strong>
        <span className="th-chart-read" aria-live={read ? 'polite' : 'off'}>
          {read && <time>{timeOf(at)}</time>}
          {shown.map(({ label, value }, index) => (
            <span key={label}>
              {series.length > 1 && <i className={`th-swatch th-series-${index + 1}`} aria-hidden="true" />}
              {series.length > 1 && <small>{label} </small>}
              {value === undefined ? '—' : format(value)}
            </span>
          ))}
        </span>
      </figcaption>
      <div
        className="th-chart-plot"
        role="img"
        tabIndex={0}
        aria-label={`${title}. ${summary}`}
        onPointerMove={point}
        onPointerLeave={() => setAt(undefined)}
        onBlur={() => setAt(undefined)}
        onKeyDown={step}
      >
        <svg viewBox={`0 0 ${drawing.width} ${drawing.height}`} preserveAspectRatio="none" aria-hidden="true">
          {ticks.map((tick) => (
            <line key={tick} className="th-chart-grid" x1="0" x2={drawing.width} {...level(tick, top)} />
          ))}
          {series.map(({ label, points: values }, index) => {
            const { line, area } = pathsOf(values, top)
            return (
              <g key={label} className={`th-series-${index + 1}`}>
                {series.length === 1 && <path className="th-chart-area" d={area} />}
                <path className="th-chart-line" d={line} />
              </g>
            )
          })}
          {read && <line className="th-chart-cross" x1={across(at, steps)} x2={across(at, steps)} y1="0" y2="100" />}
        </svg>
        {ticks.slice(1).map((tick) => (
          <span key={tick} className="th-chart-mark" style={{ bottom: `${(100 * tick) / top}%` }} aria-hidden="true">
            {format(tick)}
          </span>
        ))}
      </div>
      <div className="th-chart-times" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75].map((part) => (
          <span key={part}>{steps > 0 && timeOf(Math.round(part * (steps - 1)))}</span>
        ))}
        <span>{texts.t('now')}</span>
      </div>
    </figure>
  )
}

const clamp = (step: number, steps: number) => Math.min(Math.max(step, 0), Math.max(0, steps - 1))
const across = (step: number, steps: number) => (step / Math.max(1, steps - 1)) * drawing.width

function level(tick: number, top: number): { y1: number; y2: number } {
  const y = drawing.height - (tick / top) * drawing.height
  return { y1: y, y2: y }
}
