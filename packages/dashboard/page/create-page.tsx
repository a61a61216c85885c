import { lazy, Suspense, useState, type FormEvent } from 'react'
import {
  ActionGroup,
  Alert,
  Breadcrumb,
  BreadcrumbItem,
  Button,
  ClipboardCopy,
  Form,
  FormGroup,
  FormSelect,
  FormSelectOption,
  PageSection,
  Title,
  ToggleGroup,
  ToggleGroupItem,
} from '@patternfly/react-core'
import { Namespace } from '@thresher/api/core/namespace'
import type { KubeObject } from '@thresher/api/meta'
import { failureOf, type Failure } from '../app/failure.ts'
import { useNamespace } from '../app/namespace.tsx'
import { useNotify } from '../app/notices.tsx'
import { go, hrefOf, type Route } from '../app/route.ts'
import { Loading } from '../app/loading.tsx'
import { useDryRun } from '../form/dry-run.ts'
import { Fields } from '../form/fields.tsx'
import { valueAt } from '../form/paths.ts'
import { useConnection, useList } from '../live/connection.ts'
import { useTexts } from '../text/text.ts'
import { YamlView } from '../yaml/yaml-view.tsx'
import { objectHref } from './columns.tsx'
import type { Page } from './page.ts'

const WriteYaml = lazy(() => import('../yaml/write-yaml.tsx').then((module) => ({ default: module.WriteYaml })))

/** A new object of a kind, as a form with its YAML beside it, or as YAML. The server checks what stands there while one types. */
export function CreatePage(props: { page: Page; title: string; base: readonly string[]; route: Route }) {
  const texts = useTexts()
  const { page, title, base } = props
  const namespace = useNamespace() || 'default'
  const [draft, setDraft] = useState<KubeObject>(() => ({
    apiVersion: page.kind.apiVersion,
    kind: page.kind.kind,
    ...page.draft?.(namespace),
    metadata: { name: '', ...(page.kind.namespaced ? { namespace } : {}), ...page.draft?.(namespace).metadata },
  }))
  const [asYaml, setAsYaml] = useState(!page.fields)
  return (
    <>
      <PageSection className="th-head">
        <Breadcrumb>
          <BreadcrumbItem to={hrefOf(base)}>{title}</BreadcrumbItem>
          <BreadcrumbItem isActive>{texts.t('create')}</BreadcrumbItem>
        </Breadcrumb>
        <div className="th-head-line">
          <Title headingLevel="h1">{texts.t('createIn', { title })}</Title>
          {page.fields && (
            <ToggleGroup aria-label={texts.t('editAs')}>
              <ToggleGroupItem text={texts.t('form')} isSelected={!asYaml} onChange={() => setAsYaml(false)} />
              <ToggleGroupItem text="YAML" isSelected={asYaml} onChange={() => setAsYaml(true)} />
            </ToggleGroup>
          )}
        </div>
      </PageSection>
      <PageSection isFilled className="th-create">
        {asYaml ? (
          <Suspense fallback={<Loading />}>
            <WriteYaml kind={page.kind} draft={draft} onDraft={setDraft} base={base} />
          </Suspense>
        ) : (
          <CreateForm page={page} base={base} draft={draft} onDraft={setDraft} />
        )}
      </PageSection>
    </>
  )
}

function CreateForm(props: {
  page: Page
  base: readonly string[]
  draft: KubeObject
  onDraft: (draft: KubeObject) => void
}) {
  const texts = useTexts()
  const notify = useNotify()
  const { client } = useConnection()
  const { page, base, draft, onDraft } = props
  const { fields = [], kind } = page
  const namespaces = useList<Namespace>(kind.namespaced ? Namespace : undefined)
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set())
  const [failure, setFailure] = useState<Failure>()
  const [busy, setBusy] = useState(false)
  const shown = fields.filter((field) => field.when?.(draft) ?? true)
  const complete = shown.every(({ path, required }) => !required || Boolean(valueAt(draft, path)))
  const checked = useDryRun(kind, touched.size > 0 && complete ? draft : undefined)
  const problem = failure ?? checked
  const change = (next: KubeObject) => {
    setFailure(undefined)
    for (const { path } of fields)
      if (valueAt(next, path) !== valueAt(draft, path)) setTouched((all) => new Set([...all, path]))
    onDraft(next)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    client
      .resource<KubeObject>(kind)
      .create(draft)
      .then(
        (made) => {
          notify.done(texts.t('created', { name: page.label?.(made) ?? made.metadata.name ?? '' }))
          go(objectHref(base, made))
        },
        (error: unknown) => setFailure(failureOf(error, texts)),
      )
      .finally(() => setBusy(false))
  }
  const elsewhere = Object.entries(problem?.fields ?? {}).filter(
    ([path]) => !fields.some((field) => field.path === path),
  )
  return (
    <>
      <Form onSubmit={submit} className="th-form">
        {problem && (
          <Alert isInline variant={failure ? 'danger' : 'warning'} title={problem.title}>
            {[problem.detail, ...elsewhere.map(([path, message]) => `${path}: ${message}`)].filter(Boolean).join('\n')}
          </Alert>
        )}
        {kind.namespaced && (
          <FormGroup label={texts.t('namespace')} fieldId="field-namespace">
            <FormSelect
              id="field-namespace"
              value={draft.metadata.namespace}
              onChange={(_, namespace) => change({ ...draft, metadata: { ...draft.metadata, namespace } })}
            >
              {(namespaces.objects.length > 0
                ? namespaces.objects.map(({ metadata }) => metadata.name ?? '')
                : [draft.metadata.namespace ?? '']
              ).map((name) => (
                <FormSelectOption key={name} value={name} label={name} />
              ))}
            </FormSelect>
          </FormGroup>
        )}
        <Fields fields={fields} object={draft} errors={problem?.fields ?? {}} onChange={change} />
        <ActionGroup>
          <Button type="submit" isLoading={busy} isDisabled={busy || !complete}>
            {texts.t('create')}
          </Button>
          <Button variant="link" onClick={() => go(hrefOf(base))}>
            {texts.t('cancel')}
          </Button>
        </ActionGroup>
      </Form>
      <aside className="th-aside" aria-label="YAML">
        <div className="th-command">
          <span>{texts.t('asCommand')}</span>
          <ClipboardCopy
            isReadOnly
            hoverTip={texts.t('copy')}
            clickTip={texts.t('copied')}
            textAriaLabel={texts.t('asCommand')}
          >
            {`kubectl apply -f ${kind.singular}.yaml`}
          </ClipboardCopy>
        </div>
        <YamlView value={draft} faulty={Object.keys(problem?.fields ?? {})} />
      </aside>
    </>
  )
}
