import { useEffect, useState } from 'react'
import { CodeBlock, CodeBlockCode } from '@patternfly/react-core'
import { withoutNoise } from './noise.ts'

/** An object as YAML, to be read. Lines of fields that are wrong stand out. The writer of YAML is fetched when it is first needed. */
export function YamlView({ value, faulty = [] }: { value: object; faulty?: readonly string[] }) {
  const [text, setText] = useState('')
  const json = JSON.stringify(value)
  useEffect(() => {
    let current = true
    void import('yaml').then(({ stringify }) => {
      if (current) setText(stringify(withoutNoise(JSON.parse(json) as object), { lineWidth: 0 }))
    })
    return () => {
      current = false
    }
  }, [json])
  const names = new Set(
    faulty.map((path) =>
      path
        .replace(/\[[^\]]*\]/g, '')
        .split('.')
        .at(-1),
    ),
  )
  return (
    <CodeBlock className="th-yaml" tabIndex={0} role="region" aria-label="YAML">
      <CodeBlockCode>
        {text.split('\n').map((line, index) => (
          <span key={index} className={names.has(/^[\s-]*([\w.-]+):/.exec(line)?.[1]) ? 'th-yaml-faulty' : undefined}>
            {line}
            {'\n'}
          </span>
        ))}
      </CodeBlockCode>
    </CodeBlock>
  )
}
