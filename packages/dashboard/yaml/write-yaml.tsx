import { useState } from 'react'
import { ActionGroup, Alert, Button } from '@patternfly/react-core'
import { parse, stringify } from 'yaml'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { failureOf, type Failure } from '../app/failure.ts'
import { useNotify } from '../app/notices.tsx'
import { go } from '../app/route.ts'
import { useDryRun } from '../form/dry-run.ts'
import { useConnection } from '../live/connection.ts'
import { objectHref } from '../page/columns.tsx'
import { useTexts } from '../text/text.ts'
import { YamlEditor } from './yaml-editor.tsx'

/** A new object, written as YAML. What is typed is kept in the draft, so that the form shows it too. */
export function WriteYaml(props: {
  kind: Kind
  draft: KubeObject
  onDraft: (draft: KubeObject) => void
  base: readonly string[]
}) {
  const texts = useTexts()
  const notify = useNotify()
  const { client } = useConnection()
  const { kind, draft, onDraft, base } = props
  const [text, setText] = useState(() => stringify(draft, { lineWidth: 0 }))
  const [failure, setFailure] = useState<Failure>()
  const [changed, setChanged] = useState(false)
  const checked = useDryRun(kind, changed ? draft : undefined)
  const problem = failure ?? checked
  const change = (next: string) => {
    setText(next)
    setChanged(true)
    setFailure(undefined)
    const object = read(next)
    if (object) onDraft(object)
  }
  const create = () => {
    const object = read(text)
    if (!object) return setFailure({ title: texts.t('notYaml'), fields: {} })
    client
      .resource<KubeObject>(kind)
      .create(object)
      .then(
        (made) => {
          notify.done(texts.t('created', { name: made.metadata.name ?? '' }))
          go(objectHref(base, made))
        },
        (error: unknown) => setFailure(failureOf(error, texts)),
      )
  }
  return (
    <div className="th-edit-yaml">
      {problem && (
        <Alert isInline variant={failure ? 'danger' : 'warning'} title={problem.title}>
          {[problem.detail, ...Object.entries(problem.fields).map(([field, message]) => `${field}: ${message}`)]
            .filter(Boolean)
            .join('\n')}
        </Alert>
      )}
      <YamlEditor text={text} schema={kind.schema} label="YAML" onChange={change} />
      <ActionGroup>
        <Button onClick={create}>{texts.t('create')}</Button>
      </ActionGroup>
    </div>
  )
}

/** The object that a text is; undefined while it is none. */
function read(text: string): KubeObject | undefined {
  try {
    const value: unknown = parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const { metadata } = value as KubeObject
    return { ...value, metadata: typeof metadata === 'object' && metadata !== null ? metadata : {} }
  } catch {
    return undefined
  }
}
