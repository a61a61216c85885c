/** Types that are shown beside the kinds with objects: those that dashboards look for before they begin. */
export const virtualTypes = [
  { id: 'schema', plural: 'schemas' },
  { id: 'schemadefinition', plural: 'schemaDefinitions' },
  { id: 'count', plural: 'counts' },
  { id: 'userpreference', plural: 'userpreferences' },
  { id: 'management.cattle.io.setting', plural: 'management.cattle.io.settings' },
  { id: 'management.cattle.io.feature', plural: 'management.cattle.io.features' },
  { id: 'management.cattle.io.user', plural: 'management.cattle.io.users' },
  { id: 'management.cattle.io.cluster', plural: 'management.cattle.io.clusters' },
]
