/**
 * Draws a terminal run as an SVG, for the README.
 *
 *     some command 2>&1 | node tools/terminal-picture.ts '$ some command' > docs/images/run.svg
 */
const lineHeight = 20
const margin = 20
const characterWidth = 8.4

const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** An SVG of these lines in a dark window. Check marks are green, crosses red, lines that begin with `$` bright. */
export function terminalPicture(lines: string[]): string {
  const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * characterWidth) + 2 * margin
  const height = lines.length * lineHeight + 2 * margin + 20
  const rows = lines.map((line, index) => {
    const colour = line.startsWith('$') ? '#ffffff' : '#c9d1d9'
    const marked = escapeXml(line)
      .replace('✓', '<tspan fill="#3fb950">✓</tspan>')
      .replace('✗', '<tspan fill="#f85149">✗</tspan>')
    const y = margin + 34 + index * lineHeight
    return `<text x="${margin}" y="${y}" fill="${colour}" xml:space="preserve">${marked}</text>`
  })
  const dots = ['#f85149', '#d29922', '#3fb950'].map(
    (fill, index) => `<circle cx="${margin + index * 18}" cy="18" r="6" fill="${fill}"/>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, monospace" font-size="14">`,
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    ...dots,
    ...rows,
    '</svg>',
    '',
  ].join('\n')
}

if (import.meta.main) {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('utf8').trimEnd()
  process.stdout.write(terminalPicture([...process.argv.slice(2), ...text.split('\n')]))
}
