import { useEffect, useMemo, useState, type FormEvent } from 'react'
import {
  ActionGroup,
  Alert,
  Button,
  Checkbox,
  ClipboardCopy,
  ExpandableSection,
  Form,
  FormGroup,
  FormHelperText,
  FormSelect,
  FormSelectOption,
  HelperText,
  HelperTextItem,
  NumberInput,
  PageSection,
  TextArea,
  TextInput,
  Title,
  ToggleGroup,
  ToggleGroupItem,
} from '@patternfly/react-core'
import { NetworkAttachmentDefinition } from '@thresher/api/cni/network-attachment-definition'
import { Namespace } from '@thresher/api/core/namespace'
import { KeyPair } from '@thresher/api/harvester/key-pair'
import { VirtualMachineImage } from '@thresher/api/harvester/virtual-machine-image'
import { VirtualMachine } from '@thresher/api/kubevirt/virtual-machine'
import { keyOf } from '@thresher/client/paths'
import { failureOf, type Failure } from '../app/failure.ts'
import { useNamespace } from '../app/namespace.tsx'
import { useNotify } from '../app/notices.tsx'
import { go, hrefOf } from '../app/route.ts'
import { useDryRun } from '../form/dry-run.ts'
import { useConnection, useList } from '../live/connection.ts'
import { useTexts, type TextKey } from '../text/text.ts'
import { YamlView } from '../yaml/yaml-view.tsx'
import { commandOf, freeName, machineOf, namesOf, sizeOf, sizes, type MachineForm, type Size } from './draft.ts'

const empty: MachineForm = {
  name: '',
  namespace: 'default',
  image: '',
  storageClass: '',
  cpus: 1,
  memory: '1Gi',
  disk: '10Gi',
  keys: [],
  userData: '',
  network: '',
  efi: false,
  start: true,
  count: 1,
}
const none: readonly string[] = []

/** A new machine: with an image there, name, image and size stand there already and one click makes it run. */
export function CreateMachine() {
  const texts = useTexts()
  const notify = useNotify()
  const { client } = useConnection()
  const selectedNamespace = useNamespace()
  const [changes, setChanges] = useState<Partial<MachineForm>>({})
  const namespace = changes.namespace ?? (selectedNamespace || 'default')
  const images = useList<VirtualMachineImage>(VirtualMachineImage)
  const ready = images.objects.filter(({ status }) => status?.progress === 100)
  const keyPairs = useList<KeyPair>(KeyPair, { namespace })
  const machines = useList<VirtualMachine>(VirtualMachine, { namespace })
  const networks = useList<NetworkAttachmentDefinition>(NetworkAttachmentDefinition)
  const namespaces = useList<Namespace>(Namespace)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()

  const taken = useMemo(() => new Set(machines.objects.map(({ metadata }) => metadata.name ?? '')), [machines.objects])
  const image = ready.find((one) => keyOf(one) === changes.image) ?? (changes.image === '' ? undefined : ready[0])
  const form: MachineForm = {
    ...empty,
    namespace,
    name: machines.synced ? freeName('vm', taken) : '',
    keys: keyPairs.objects.map(({ metadata }) => metadata.name ?? ''),
    ...changes,
    image: image ? keyOf(image) : '',
    storageClass: image?.status?.storageClassName ?? '',
  }
  const keys = keyPairs.objects
    .filter(({ metadata }) => form.keys.includes(metadata.name ?? ''))
    .map(({ metadata, spec }) => ({ name: metadata.name ?? '', publicKey: spec.publicKey }))
  const draft = {
    apiVersion: VirtualMachine.apiVersion,
    kind: VirtualMachine.kind,
    ...machineOf(form, keys, namesOf(form)[0]),
  }
  const checked = useDryRun(VirtualMachine, form.name ? (draft as unknown as VirtualMachine) : undefined)
  const set = (next: Partial<MachineForm>) => {
    setFailure(undefined)
    setChanges((all) => ({ ...all, ...next }))
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      for (const name of namesOf(form)) {
        await client
          .resource<VirtualMachine>(VirtualMachine)
          .create(machineOf(form, keys, name) as unknown as VirtualMachine)
      }
      notify.done(texts.t('machineCreated', { name: form.name, count: form.count }))
      go(form.count === 1 ? hrefOf(['machines', form.namespace, form.name]) : hrefOf(['machines'], { q: form.name }))
    } catch (error) {
      setFailure(failureOf(error, texts))
    } finally {
      setBusy(false)
    }
  }
  const problem = failure ?? checked
  useEffect(() => {
    document.getElementById('machine-name')?.focus()
  }, [])
  return (
    <>
      <PageSection className="th-head">
        <Title headingLevel="h1">{texts.t('createMachine')}</Title>
      </PageSection>
      <PageSection isFilled className="th-create">
        <Form onSubmit={(event) => void submit(event)} className="th-form">
          {problem && (
            <Alert isInline variant={failure ? 'danger' : 'warning'} title={problem.title}>
              {[problem.detail, ...Object.entries(problem.fields).map(([field, message]) => `${field}: ${message}`)]
                .filter(Boolean)
                .join('\n')}
            </Alert>
          )}
          <FormGroup label={texts.t('name')} fieldId="machine-name" isRequired>
            <TextInput id="machine-name" value={form.name} onChange={(_, name) => set({ name })} isRequired />
          </FormGroup>
          <FormGroup label={texts.t('image')} fieldId="machine-image">
            <FormSelect id="machine-image" value={form.image} onChange={(_, value) => set({ image: value })}>
              {ready.map((one) => (
                <FormSelectOption key={keyOf(one)} value={keyOf(one)} label={one.spec.displayName} />
              ))}
              <FormSelectOption value="" label={texts.t('emptyDisk')} />
            </FormSelect>
            {images.synced && ready.length === 0 && (
              <Help text={texts.t('noImages')} href={hrefOf(['images', '+'])} link={texts.t('importImage')} />
            )}
          </FormGroup>
          <FormGroup label={texts.t('size')} role="group">
            <ToggleGroup aria-label={texts.t('size')}>
              {(Object.keys(sizes) as Size[]).map((size) => (
                <ToggleGroupItem
                  key={size}
                  buttonId={`size-${size}`}
                  text={`${texts.t(`size_${size}` as TextKey)} · ${texts.t('cpusOf', { count: sizes[size].cpus })}, ${sizes[size].memory.replace('Gi', ' GiB')}`}
                  isSelected={sizeOf(form) === size}
                  onChange={() => set(sizes[size])}
                />
              ))}
            </ToggleGroup>
          </FormGroup>
          <FormGroup label={texts.t('sshKeys')} role="group">
            {keyPairs.objects.map(({ metadata: { name = '' } }) => (
              <Checkbox
                key={name}
                id={`key-${name}`}
                label={name}
                isChecked={form.keys.includes(name)}
                onChange={(_, on) => set({ keys: on ? [...form.keys, name] : form.keys.filter((one) => one !== name) })}
              />
            ))}
            {keyPairs.synced && keyPairs.objects.length === 0 && (
              <Help text={texts.t('noKeys')} href={hrefOf(['ssh-keys', '+'])} link={texts.t('addKey')} />
            )}
          </FormGroup>
          <ExpandableSection toggleText={texts.t('moreOptions')} isIndented>
            <div className="th-more">
              <FormGroup label={texts.t('namespace')} fieldId="machine-namespace">
                <FormSelect
                  id="machine-namespace"
                  value={form.namespace}
                  onChange={(_, value) => set({ namespace: value })}
                >
                  {(namespaces.objects.length > 0
                    ? namespaces.objects.map(({ metadata }) => metadata.name ?? '')
                    : [form.namespace]
                  ).map((name) => (
                    <FormSelectOption key={name} value={name} label={name} />
                  ))}
                </FormSelect>
              </FormGroup>
              <FormGroup label={texts.t('cpus')} fieldId="machine-cpus">
                <NumberInput
                  value={form.cpus}
                  min={1}
                  max={256}
                  onMinus={() => set({ cpus: Math.max(1, form.cpus - 1) })}
                  onPlus={() => set({ cpus: form.cpus + 1 })}
                  onChange={(event) =>
                    set({ cpus: Math.max(1, Math.trunc(Number((event.target as HTMLInputElement).value)) || 1) })
                  }
                  inputAriaLabel={texts.t('cpus')}
                  minusBtnAriaLabel={texts.t('less')}
                  plusBtnAriaLabel={texts.t('more')}
                  inputProps={{ id: 'machine-cpus' }}
                />
              </FormGroup>
              <FormGroup label={texts.t('memory')} fieldId="machine-memory">
                <TextInput id="machine-memory" value={form.memory} onChange={(_, memory) => set({ memory })} />
                <Help text={texts.t('sizeHelp')} />
              </FormGroup>
              <FormGroup label={texts.t('disk')} fieldId="machine-disk">
                <TextInput id="machine-disk" value={form.disk} onChange={(_, disk) => set({ disk })} />
              </FormGroup>
              <FormGroup label={texts.t('network')} fieldId="machine-network">
                <FormSelect id="machine-network" value={form.network} onChange={(_, network) => set({ network })}>
                  <FormSelectOption value="" label={texts.t('managementNetwork')} />
                  {networks.objects.map((one) => (
                    <FormSelectOption key={keyOf(one)} value={keyOf(one)} label={keyOf(one)} />
                  ))}
                </FormSelect>
              </FormGroup>
              <FormGroup label={texts.t('instances')} fieldId="machine-count">
                <NumberInput
                  value={form.count}
                  min={1}
                  max={50}
                  onMinus={() => set({ count: Math.max(1, form.count - 1) })}
                  onPlus={() => set({ count: Math.min(50, form.count + 1) })}
                  onChange={(event) =>
                    set({
                      count: Math.min(
                        50,
                        Math.max(1, Math.trunc(Number((event.target as HTMLInputElement).value)) || 1),
                      ),
                    })
                  }
                  inputAriaLabel={texts.t('instances')}
                  minusBtnAriaLabel={texts.t('less')}
                  plusBtnAriaLabel={texts.t('more')}
                  inputProps={{ id: 'machine-count' }}
                />
              </FormGroup>
              <FormGroup label={texts.t('userData')} fieldId="machine-user-data">
                <TextArea
                  id="machine-user-data"
                  rows={6}
                  className="th-mono"
                  value={form.userData}
                  placeholder="#cloud-config"
                  onChange={(_, userData) => set({ userData })}
                  resizeOrientation="vertical"
                />
                <Help text={texts.t('userDataHelp')} />
              </FormGroup>
              <Checkbox
                id="machine-efi"
                label={texts.t('efi')}
                isChecked={form.efi}
                onChange={(_, efi) => set({ efi })}
              />
              <Checkbox
                id="machine-start"
                label={texts.t('startNow')}
                isChecked={form.start}
                onChange={(_, start) => set({ start })}
              />
            </div>
          </ExpandableSection>
          <ActionGroup>
            <Button type="submit" isLoading={busy} isDisabled={busy || !form.name}>
              {texts.t('create')}
            </Button>
            <Button variant="link" onClick={() => go(hrefOf(['machines']))}>
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
              {commandOf(form)}
            </ClipboardCopy>
          </div>
          <YamlView value={draft} faulty={problem ? Object.keys(problem.fields) : none} />
        </aside>
      </PageSection>
    </>
  )
}

function Help({ text, href, link }: { text: string; href?: string; link?: string }) {
  return (
    <FormHelperText>
      <HelperText>
        <HelperTextItem>
          {text} {href && <a href={href}>{link}</a>}
        </HelperTextItem>
      </HelperText>
    </FormHelperText>
  )
}
