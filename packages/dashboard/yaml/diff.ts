/** A line of a comparison: in both texts, only in the first, or only in the second. */
export interface DiffLine {
  side: 'both' | 'first' | 'second'
  text: string
}

/** Above this many lines on both sides together the middle is shown as replaced: comparing costs their product. */
const mostCells = 4_000_000

/** Two texts line by line, by their longest common sequence; what is the same at both ends is set aside first. */
export function diffLines(first: string, second: string): DiffLine[] {
  const a = first.split('\n')
  const b = second.split('\n')
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++
  const both = (lines: string[]): DiffLine[] => lines.map((text) => ({ side: 'both', text }))
  const middle = compare(a.slice(start, a.length - end), b.slice(start, b.length - end))
  return [...both(a.slice(0, start)), ...middle, ...both(a.slice(a.length - end))]
}

function compare(a: string[], b: string[]): DiffLine[] {
  const only = (side: 'first' | 'second', lines: string[]): DiffLine[] => lines.map((text) => ({ side, text }))
  if (a.length * b.length > mostCells || a.length === 0 || b.length === 0)
    return [...only('first', a), ...only('second', b)]
  const width = b.length + 1
  const lengths = new Uint32Array((a.length + 1) * width)
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        a[i] === b[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!)
  const lines: DiffLine[] = []
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push({ side: 'both', text: a[i]! })
      i++
      j++
    } else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)
      lines.push({ side: 'first', text: a[i++]! })
    else lines.push({ side: 'second', text: b[j++]! })
  }
  return [...lines, ...only('first', a.slice(i)), ...only('second', b.slice(j))]
}

/** A comparison with only a few lines around each change; what is left out is a line without a text. */
export function folded(lines: DiffLine[], around = 3): (DiffLine | undefined)[] {
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - around), index + around + 1).some(({ side }) => side !== 'both'),
  )
  return lines.flatMap((line, index) => (near[index] ? [line] : near[index - 1] || index === 0 ? [undefined] : []))
}
