import { useMemo, useState } from 'react'
import { ActionGroup, Alert, Button } from '@patternfly/react-core'
import { parse, stringify } from 'yaml'
import { isReason } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import { failureOf, type Failure } from '../app/failure.ts'
import { useNotify } from '../app/notices.tsx'
import { useConnection, useRights } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { diffLines, folded } from './diff.ts'
import { withoutNoise } from './noise.ts'
import { YamlEditor } from './yaml-editor.tsx'

const textOf = (object: KubeObject) => stringify(withoutNoise(object), { lineWidth: 0 })

/**
 * An object as YAML, to be changed. While nothing is typed it follows the object; afterwards it stays, and when another has changed the
 * object meanwhile both versions are shown before anything is overwritten.
 */
export function EditYaml({ kind, object }: { kind: Kind; object: KubeObject }) {
  const texts = useTexts()
  const notify = useNotify()
  const rights = useRights()
  const { client } = useConnection()
  /** What was there when typing began. */
  const [base, setBase] = useState<KubeObject>()
  const [typed, setTyped] = useState('')
  const [failure, setFailure] = useState<Failure>()
  const [theirs, setTheirs] = useState<KubeObject>()
  const current = useMemo(() => textOf(object), [object])
  const text = base ? typed : current
  const { name = '', namespace } = object.metadata
  const resource = client.resource<KubeObject>(kind)
  const reset = () => {
    setBase(undefined)
    setTheirs(undefined)
    setFailure(undefined)
  }
  const change = (next: string) => {
    if (next === current) return reset()
    setBase((known) => known ?? object)
    setTyped(next)
  }
  const save = async (resourceVersion?: string) => {
    setFailure(undefined)
    try {
      const next = parse(text) as KubeObject
      await resource.update({
        ...next,
        metadata: { ...next.metadata, resourceVersion: resourceVersion ?? next.metadata.resourceVersion },
      })
      notify.done(texts.t('saved', { name }))
      reset()
    } catch (error) {
      if (isReason(error, 'Conflict')) setTheirs(await resource.get(name, namespace).catch(() => undefined))
      setFailure(failureOf(error, texts))
    }
  }
  return (
    <div className="th-edit-yaml">
      {failure && (
        <Alert isInline variant="danger" title={failure.title}>
          {[failure.detail, ...Object.entries(failure.fields).map(([field, message]) => `${field}: ${message}`)]
            .filter(Boolean)
            .join('\n')}
        </Alert>
      )}
      {theirs && base && (
        <Conflict
          theirs={theirs}
          mine={text}
          onMine={() => void save(theirs.metadata.resourceVersion)}
          onTheirs={reset}
        />
      )}
      <YamlEditor text={text} schema={kind.schema} label={`YAML ${name}`} onChange={change} />
      <ActionGroup>
        <Button isDisabled={!base || !rights.may('update', kind, name)} onClick={() => void save()}>
          {texts.t('save')}
        </Button>{' '}
        {base && (
          <Button variant="link" onClick={reset}>
            {texts.t('discard')}
          </Button>
        )}
      </ActionGroup>
    </div>
  )
}

/** Two versions of one object, and the choice between them. */
function Conflict(props: { theirs: KubeObject; mine: string; onMine: () => void; onTheirs: () => void }) {
  const texts = useTexts()
  const lines = useMemo(() => folded(diffLines(textOf(props.theirs), props.mine)), [props.theirs, props.mine])
  return (
    <section className="th-conflict" aria-label={texts.t('conflictTitle')}>
      <h2>{texts.t('conflictTitle')}</h2>
      <p>{texts.t('conflictHelp')}</p>
      <pre className="th-diff">
        {lines.map((line, index) => (
          <span key={index} className={line ? `th-diff-${line.side}` : 'th-diff-gap'}>
            {line ? `${{ both: ' ', first: '−', second: '+' }[line.side]} ${line.text}` : '⋯'}
            {'\n'}
          </span>
        ))}
      </pre>
      <Button variant="danger" size="sm" onClick={props.onMine}>
        {texts.t('saveMine')}
      </Button>{' '}
      <Button variant="secondary" size="sm" onClick={props.onTheirs}>
        {texts.t('takeTheirs')}
      </Button>
    </section>
  )
}
