import { useState, type FormEvent } from 'react'
import { ActionGroup, Alert, Button, Form } from '@patternfly/react-core'
import type { KubeObject } from '@thresher/api/meta'
import { failureOf, type Failure } from '../app/failure.ts'
import { useNotify } from '../app/notices.tsx'
import { Fields } from '../form/fields.tsx'
import { patchOf } from '../form/patch.ts'
import { useConnection, useRights } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import type { Page } from './page.ts'

/** Changes an object by its page's fields. Only fields that were changed are written, so two people may change different ones. */
export function EditForm({ page, object }: { page: Page; object: KubeObject }) {
  const texts = useTexts()
  const notify = useNotify()
  const rights = useRights()
  const { client, lists } = useConnection()
  const [first, setFirst] = useState(object)
  const [draft, setDraft] = useState(object)
  const [failure, setFailure] = useState<Failure>()
  const fields = page.fields ?? []
  const patch = patchOf(
    first,
    draft,
    fields.map(({ path }) => path),
  )
  const behind =
    patchOf(
      first,
      object,
      fields.map(({ path }) => path),
    ) !== undefined
  const start = (from: KubeObject) => {
    setFirst(from)
    setDraft(from)
  }
  const { name = '', namespace } = object.metadata
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setFailure(undefined)
    client
      .resource<KubeObject>(page.kind)
      .patch(name, namespace, patch)
      .then(
        (saved) => {
          lists.of(page.kind, { namespace, fieldSelector: `metadata.name=${name}` }).observe(saved)
          notify.done(texts.t('saved', { name }))
          start(saved)
        },
        (error: unknown) => setFailure(failureOf(error, texts)),
      )
  }
  const mayChange = rights.may('patch', page.kind, name)
  return (
    <Form onSubmit={submit} className="th-form">
      {failure && (
        <Alert isInline variant="danger" title={failure.title}>
          {failure.detail}
        </Alert>
      )}
      {behind && (
        <Alert
          isInline
          variant="warning"
          title={texts.t('changedMeanwhile')}
          actionLinks={
            <Button variant="link" isInline onClick={() => start(object)}>
              {texts.t('takeTheirs')}
            </Button>
          }
        >
          {texts.t('changedMeanwhileHelp')}
        </Alert>
      )}
      <Fields
        fields={fields}
        object={draft}
        errors={failure?.fields ?? {}}
        onChange={setDraft}
        locked={(path) => path.startsWith('metadata.name')}
      />
      <ActionGroup>
        <Button type="submit" isDisabled={!patch || !mayChange}>
          {texts.t('save')}
        </Button>
        {patch && (
          <Button variant="link" onClick={() => start(object)}>
            {texts.t('discard')}
          </Button>
        )}
      </ActionGroup>
    </Form>
  )
}
