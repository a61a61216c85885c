import type { FieldError } from '@thresher/api/error'
import type { Kind } from '@thresher/api/kind'
import type { KubeObject } from '@thresher/api/meta'
import type { User } from './user.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** A write on its way in. `mutate` steps may change `object` in place; `validate` steps may not. */
export interface AdmissionRequest {
  operation: Operation
  kind: Kind
  subresource: string
  namespace: string
  name: string
  user: User
  object?: KubeObject
  oldObject?: KubeObject
  dryRun: boolean
  /** Warnings to send with the answer. */
  warnings: string[]
}

/**
 * One step of admission. All `mutate` steps run in order, then defaults and schema validation, then all `validate` steps.
 *
 * A step that takes something (quota) returns from `validate` a function that gives it back if the write fails later.
 */
export interface AdmissionStep {
  name: string
  mutate?(request: AdmissionRequest): void | Promise<void>
  /** @throws {ApiError} to refuse; or the fields that are wrong */
  validate?(request: AdmissionRequest): Verdict | Promise<Verdict>
}

export type Verdict = void | FieldError[] | { undo: () => void }
