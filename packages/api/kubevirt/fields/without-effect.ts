import type { VirtualMachineSpec } from '../virtual-machine.ts'
import type { VirtualMachineInstanceSpec } from '../virtual-machine-instance-spec.ts'
import type { SupportTable } from './support.ts'
import { instanceFields, machineFields } from './table.ts'
import { valuesAt } from './walk.ts'

/** The condition on machines and their runs that names such fields. */
export const fieldsCondition = 'SpecHonoured'
/** Its reason. */
export const fieldsReason = 'FieldsWithoutEffect'

/** A field that is stored and changes nothing, though its author may think so. */
export interface FieldWithoutEffect {
  /** From the spec of the object. */
  field: string
  instead: string
}

/** More than so many are counted, not named. */
const mostNamed = 10

/** The fields of a run's spec that are set and not carried out. */
export function fieldsWithoutEffect(spec: VirtualMachineInstanceSpec, at = ''): FieldWithoutEffect[] {
  return lookUp(spec, instanceFields, at)
}

/** The same of a machine's spec, with its template. */
export function machineFieldsWithoutEffect(spec: VirtualMachineSpec): FieldWithoutEffect[] {
  return [...lookUp(spec, machineFields, ''), ...fieldsWithoutEffect(spec.template.spec, 'template.spec.')]
}

function lookUp(spec: object, table: SupportTable, prefix: string): FieldWithoutEffect[] {
  return Object.entries(table).flatMap(([path, support]) =>
    support.is !== 'not honoured'
      ? []
      : valuesAt(spec, path)
          .filter(({ value }) => support.matters(value))
          .map(({ at }) => ({ field: prefix + at, instead: support.instead })),
  )
}

/** One sentence that names them and what to do. */
export function withoutEffectMessage(fields: readonly FieldWithoutEffect[]): string {
  const named = fields.slice(0, mostNamed).map(({ field, instead }) => `${field} (${instead})`)
  const more = fields.length > mostNamed ? ` and ${fields.length - mostNamed} more` : ''
  return `${fields.length === 1 ? 'this field has' : 'these fields have'} no effect: ${named.join('; ')}${more}`
}
