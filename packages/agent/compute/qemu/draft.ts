import type { FieldError } from '@thresher/api/error'
import type { BlockdevOptions, GrantedFile } from './input.ts'

/** The spec asks for what this host cannot do; each error names the field and what to do. */
export class UnsupportedSpecError extends Error {
  readonly errors: FieldError[]

  constructor(errors: FieldError[]) {
    super(errors.map(({ field, message }) => `${field}: ${message}`).join('; '))
    this.name = 'UnsupportedSpecError'
    this.errors = errors
  }
}

/** Options of `-device` and `-object`, written as JSON so that no value can start another option. */
export type Options = Record<string, string | number | boolean | undefined>

/** A command line in the making, and what of the spec cannot be done. */
export class Draft {
  readonly args: string[] = []
  readonly errors: FieldError[] = []
  readonly files: GrantedFile[] = []
  /** What {@link device}, {@link object} and {@link blockdev} were given, as QMP takes it. */
  readonly devices: (Options & { driver: string })[] = []
  readonly objects: (Options & { 'qom-type': string })[] = []
  readonly blockdevs: BlockdevOptions[] = []

  add(...args: string[]): void {
    this.args.push(...args)
  }

  device(driver: string, options: Options): void {
    const device = { driver, ...options }
    this.devices.push(device)
    this.add('-device', JSON.stringify(device))
  }

  object(type: string, options: Options): void {
    const object = { 'qom-type': type, ...options }
    this.objects.push(object)
    this.add('-object', JSON.stringify(object))
  }

  blockdev(options: BlockdevOptions): void {
    this.blockdevs.push(options)
    this.add('-blockdev', JSON.stringify(options))
  }

  refuse(field: string, message: string): void {
    this.errors.push({ field, message, reason: 'FieldValueNotSupported' })
  }

  /** Refuse a field that is set and that nothing here carries out. */
  refuseIf(given: unknown, field: string, advice: string): void {
    const empty = given === undefined || given === null || (Array.isArray(given) && given.length === 0)
    if (!empty) this.refuse(field, advice)
  }
}

/** A value inside a comma-separated option: commas doubled. @see QEMU's `opts_parse` */
export function escaped(value: string): string {
  return value.replaceAll(',', ',,')
}

/** `key=value` pairs of the older option syntax; what is undefined is left out. */
export function pairs(options: Record<string, string | number | undefined>): string {
  return Object.entries(options)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${escaped(String(value))}`]))
    .join(',')
}
