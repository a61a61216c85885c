/** Lines of aligned columns, two spaces apart, as kubectl prints them. */
export function columns(header: string[], rows: string[][]): string {
  const all = [header, ...rows]
  const widths = header.map((_, index) => Math.max(...all.map((row) => (row[index] ?? '').length)))
  return all
    .map((row) => row.map((cell, index) => cell.padEnd(index === row.length - 1 ? 0 : widths[index]! + 2)).join(''))
    .join('\n')
}

/** Bytes in the largest unit that leaves at least 1: `37.5 MiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`
}

/** Seconds as `4s`, `12m`, `3h5m`, `2d4h`. */
export function duration(totalSeconds: number): string {
  const whole = Math.max(0, Math.floor(totalSeconds))
  if (whole < 120) return `${whole}s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 120) return `${minutes}m`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`
  return `${Math.floor(hours / 24)}d${hours % 24 === 0 ? '' : `${hours % 24}h`}`
}
