/** Who carries a field out: what its value shows in. */
export type Carrier =
  /** QEMU's command line. */
  | 'machine'
  /** The pod, and so the scheduler and quotas. */
  | 'placement'
  /** A configuration disk. */
  | 'seed'
  /** The switch's ports and rules. */
  | 'network'
  /** Volumes: which are made and opened, and how. */
  | 'volumes'
  /** When a run begins and ends. */
  | 'lifecycle'
  /** It names a part, so that others can refer to it. */
  | 'name'

/** What becomes of a field of a machine's spec. */
export type Support =
  | { is: 'honoured'; by: Carrier }
  /** The machine is not accepted, or not started, with a sentence that names the field. */
  | { is: 'refused'; instead: string }
  /** Stored; where its value would change something, a condition on the machine names it. */
  | { is: 'not honoured'; instead: string; matters(value: unknown): boolean }

/** What became of each field, by its path from the instance's spec: `domain.devices.disks[].serial`. */
export type SupportTable = Readonly<Record<string, Support>>

/** Fields that one carrier carries out. */
export function honoured(by: Carrier, ...fields: string[]): SupportTable {
  return Object.fromEntries(fields.map((field) => [field, { is: 'honoured', by }]))
}

/** Fields, each with all below it, that no machine is started with. */
export function refused(instead: string, ...fields: string[]): SupportTable {
  return Object.fromEntries(fields.map((field) => [field, { is: 'refused', instead }]))
}

/**
 * Fields, each with all below it, that are kept without effect.
 *
 * @param matters whether a value would change something; all but `false`, an empty text and an empty list do unless said
 */
export function notHonoured(instead: string, fields: string | string[], matters = isSet): SupportTable {
  return Object.fromEntries([fields].flat().map((field) => [field, { is: 'not honoured', instead, matters }]))
}

/** Whether a value says something. */
export function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && !isEmptyList(value)
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}
