import { difference, leaf, type FieldSet } from './field-set.ts'

/** What no manager owns: which object it is, and what the server alone writes. */
const untracked: FieldSet = {
  member: true,
  children: new Map([
    ['f:apiVersion', leaf],
    ['f:kind', leaf],
    [
      'f:metadata',
      {
        member: true,
        children: new Map(
          [
            'name',
            'namespace',
            'creationTimestamp',
            'selfLink',
            'uid',
            'clusterName',
            'generation',
            'resourceVersion',
          ].map((name) => [`f:${name}`, leaf]),
        ),
      },
    ],
  ]),
}

/** The fields of an object that managers own. */
export function trackable(fields: FieldSet): FieldSet {
  return difference(fields, untracked)
}
