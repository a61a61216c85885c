import {
  FormGroup,
  FormHelperText,
  FormSelect,
  FormSelectOption,
  HelperText,
  HelperTextItem,
  Switch,
  TextArea,
  TextInput,
} from '@patternfly/react-core'
import type { KubeObject } from '@thresher/api/meta'
import { keyOf } from '@thresher/client/paths'
import { useList } from '../live/connection.ts'
import type { Field } from '../page/page.ts'
import { useTexts } from '../text/text.ts'
import { valueAt, withValue } from './paths.ts'

/** The fields of a form over one object. Each reads and writes its own place. */
export function Fields<O extends KubeObject>(props: {
  fields: Field[]
  object: O
  /** What is wrong, by path. */
  errors: Record<string, string>
  onChange: (object: O) => void
  /** Paths that cannot be changed here. */
  locked?: (path: string) => boolean
}) {
  const { fields, object, errors, onChange, locked } = props
  return fields
    .filter((field) => field.when?.(object) ?? true)
    .map((field) => (
      <FieldInput
        key={field.path}
        field={field}
        namespace={object.metadata.namespace}
        value={valueAt(object, field.path)}
        error={errors[field.path]}
        isLocked={locked?.(field.path) ?? false}
        onChange={(value) => onChange(withValue(object, field.path, value))}
      />
    ))
}

function FieldInput(props: {
  field: Field
  /** Of the object that is made. */
  namespace: string | undefined
  value: unknown
  error?: string
  isLocked: boolean
  onChange: (value: unknown) => void
}) {
  const texts = useTexts()
  const { field, error } = props
  const id = `field-${field.path}`
  const help = error ?? (field.help && texts.t(field.help))
  return (
    <FormGroup label={texts.t(field.label)} fieldId={id} isRequired={field.required}>
      <Input {...props} id={id} />
      {help && (
        <FormHelperText>
          <HelperText>
            <HelperTextItem variant={error ? 'error' : 'default'}>{help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  )
}

function Input({
  id,
  field,
  namespace,
  value,
  error,
  isLocked,
  onChange,
}: Parameters<typeof FieldInput>[0] & { id: string }) {
  const texts = useTexts()
  const text = typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
  const validated = error ? 'error' : 'default'
  const setText = (next: string) => onChange(next === '' && !field.required ? undefined : next)
  if (field.type === 'switch')
    return (
      <Switch id={id} aria-label={texts.t(field.label)} isChecked={value === true} onChange={(_, on) => onChange(on)} />
    )
  if (field.type === 'lines')
    return (
      <TextArea
        id={id}
        rows={3}
        value={Array.isArray(value) ? value.join('\n') : ''}
        onChange={(_, next) => onChange(next === '' ? [] : next.split('\n'))}
        resizeOrientation="vertical"
      />
    )
  if (field.type === 'map') return <MapInput id={id} value={value} onChange={onChange} />
  if (field.type === 'area')
    return (
      <TextArea
        id={id}
        rows={4}
        value={text}
        placeholder={field.placeholder}
        validated={validated}
        onChange={(_, next) => setText(next)}
        resizeOrientation="vertical"
      />
    )
  if (field.type === 'select')
    return <SelectInput id={id} field={field} namespace={namespace} value={text} onChange={setText} />
  if (field.type === 'number')
    return (
      <TextInput
        id={id}
        type="number"
        value={text}
        validated={validated}
        onChange={(_, next) => onChange(next === '' ? undefined : Number(next))}
      />
    )
  return (
    <TextInput
      id={id}
      type={field.type === 'password' ? 'password' : 'text'}
      autoComplete={field.type === 'password' ? 'new-password' : 'off'}
      value={text}
      placeholder={field.placeholder}
      validated={validated}
      isDisabled={isLocked}
      isRequired={field.required}
      onChange={(_, next) => setText(next)}
    />
  )
}

function SelectInput({
  id,
  field,
  namespace,
  value,
  onChange,
}: {
  id: string
  field: Field
  namespace: string | undefined
  value: string
  onChange: (value: string) => void
}) {
  const { objects } = useList<KubeObject>(field.reference, field.nameOnly ? { namespace } : {})
  const nameOf = (object: KubeObject) => (field.nameOnly ? (object.metadata.name ?? '') : keyOf(object))
  const named = objects.map((object) => ({ value: nameOf(object), label: nameOf(object) }))
  const options = [...(field.options ?? []), ...named]
  const known = options.some((option) => option.value === value)
  return (
    <FormSelect id={id} value={value} onChange={(_, next) => onChange(next)}>
      {(!field.required || value === '') && <FormSelectOption value="" label="—" />}
      {!known && value && <FormSelectOption value={value} label={value} />}
      {options.map((option) => (
        <FormSelectOption key={option.value} value={option.value} label={option.label} />
      ))}
    </FormSelect>
  )
}

/** Names and values, one pair a line: `name=value`. */
function MapInput({ id, value, onChange }: { id: string; value: unknown; onChange: (value: unknown) => void }) {
  const pairs = Object.entries((value ?? {}) as Record<string, string>)
  const text = pairs.map((pair) => pair.join('=')).join('\n')
  return (
    <TextArea
      id={id}
      rows={4}
      className="th-mono"
      placeholder="name=value"
      defaultValue={text}
      onChange={(_, next) => {
        const lines = next.split('\n').filter((line) => line.includes('='))
        onChange(
          Object.fromEntries(
            lines.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1)]),
          ),
        )
      }}
      resizeOrientation="vertical"
    />
  )
}
