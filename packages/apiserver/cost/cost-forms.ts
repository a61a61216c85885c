import { sizes } from '../limits/sizes.ts'
import type { CostForm, CostRequest } from './cost-search.ts'

const maps = '/api/v1/namespaces/default/configmaps'
const { mapKeys, listItems, values } = sizes
let names = 0

/** A name that no request had before. */
const fresh = () => `cost-${++names}`
const json = (value: unknown) => Buffer.from(JSON.stringify(value))
const repeat = <T>(n: number, make: (index: number) => T): T[] => Array.from({ length: n }, (_, index) => make(index))
const record = (n: number, value: (index: number) => unknown) =>
  Object.fromEntries(repeat(n, (index) => [`k${index}`, value(index)]))

/** POST of a ConfigMap with this beside its name. */
const create = (metadata: object, rest: object = {}, query = ''): CostRequest => ({
  method: 'POST',
  path: maps,
  query: new URLSearchParams(query),
  body: json({ metadata: { name: fresh(), ...metadata }, ...rest }),
})

const owner = (index: number) => ({ apiVersion: 'v1', kind: 'ConfigMap', name: `o${index}`, uid: `u${index}` })
const yaml = (text: string): CostRequest => ({
  method: 'POST',
  path: maps,
  headers: { 'content-type': 'application/yaml' },
  body: Buffer.from(`metadata: {name: ${fresh()}}\n${text}`),
})

/** Objects as such: what every kind has. */
const objectForms: CostForm[] = [
  { name: 'data: many keys', most: mapKeys, request: (n) => create({}, { data: record(n, () => 'v') }) },
  { name: 'data: one long text', most: 2_900_000, request: (n) => create({}, { data: { a: 'x'.repeat(n) } }) },
  { name: 'data: text of escapes', most: 480_000, request: (n) => create({}, { data: { a: '\u0001'.repeat(n) } }) },
  { name: 'data: text of quotes', most: 1_400_000, request: (n) => create({}, { data: { a: '\\"'.repeat(n / 2) } }) },
  { name: 'labels', most: mapKeys, request: (n) => create({ labels: record(n, (i) => `v${i}`) }) },
  { name: 'annotations', most: mapKeys, request: (n) => create({ annotations: record(n, () => 'v') }) },
  { name: 'finalizers', most: listItems, request: (n) => create({ finalizers: repeat(n, (i) => `a.b/f${i}`) }) },
  { name: 'ownerReferences', most: listItems, request: (n) => create({ ownerReferences: repeat(n, owner) }) },
  {
    name: 'managedFields: many managers',
    most: listItems,
    request: (n) =>
      create({
        managedFields: repeat(n, (i) => ({
          manager: `m${i}`,
          operation: 'Update',
          apiVersion: `v${i}`,
          time: '2026-01-31T12:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { [`f:k${i}`]: {} } },
        })),
      }),
  },
  {
    name: 'managedFields: one with many fields',
    most: mapKeys,
    request: (n) =>
      create({
        managedFields: [
          {
            manager: 'm',
            operation: 'Apply',
            apiVersion: 'v1',
            fieldsType: 'FieldsV1',
            fieldsV1: { 'f:data': Object.fromEntries(repeat(n, (i) => [`f:k${i}`, {}])) },
          },
        ],
      }),
  },
  {
    name: 'unknown fields',
    most: mapKeys,
    request: (n) =>
      create(
        {},
        record(n, () => 1),
      ),
  },
  {
    name: 'unknown fields, strict',
    most: mapKeys,
    request: (n) =>
      create(
        {},
        record(n, () => 1),
        'fieldValidation=Strict',
      ),
  },
  { name: 'metadata: unknown fields', most: mapKeys, request: (n) => create(record(n, () => 1)) },
  {
    name: 'the same key again and again, strict',
    most: mapKeys,
    request: (n) => ({
      method: 'POST',
      path: maps,
      query: new URLSearchParams('fieldValidation=Strict'),
      body: Buffer.from(`{"metadata":{"name":"${fresh()}"},"data":{${repeat(n, () => '"a":"b"').join()}}}`),
    }),
  },
  { name: 'a long name', most: 2_900_000, request: (n) => create({ name: 'a'.repeat(n) }) },
  { name: 'a long name of dots', most: 2_900_000, request: (n) => create({ name: 'a.'.repeat(n / 2) }) },
  {
    name: 'a long generateName',
    most: 2_900_000,
    request: (n) => create({ generateName: 'a-'.repeat(n / 2), name: '' }),
  },
  { name: 'a long label', most: 2_900_000, request: (n) => create({ labels: { ['a-.'.repeat(n / 3)]: 'x' } }) },
  { name: 'a long label value', most: 2_900_000, request: (n) => create({ labels: { a: 'a_-'.repeat(n / 3) } }) },
  { name: 'a long time', most: 2_900_000, request: (n) => create({ creationTimestamp: '1 '.repeat(n / 2) }) },
  { name: 'lists in lists', most: sizes.depth - 3, request: (n) => nested(n, '[', ']') },
  { name: 'maps in maps', most: sizes.depth - 3, request: (n) => nested(n, '{"a":', '}') },
  {
    name: 'many small lists',
    most: values / 2 - 100,
    request: (n) => create({}, { x: repeat(n / 1000, () => repeat(1000, () => [])) }),
  },
]

function nested(n: number, open: string, close: string): CostRequest {
  const text = `{"metadata":{"name":"${fresh()}"},"data":${open.repeat(n)}1${close.repeat(n)}}`
  return { method: 'POST', path: maps, body: Buffer.from(text) }
}

/** YAML in all its notations. */
const yamlForms: CostForm[] = [
  { name: 'YAML: keys', most: mapKeys, request: (n) => yaml(`data:\n${repeat(n, (i) => ` k${i}: v\n`).join('')}`) },
  {
    name: 'YAML: keys on one line',
    most: mapKeys,
    request: (n) => yaml(`data: {${repeat(n, (i) => `k${i}: v`).join(', ')}}\n`),
  },
  { name: 'YAML: items', most: listItems, request: (n) => yaml(`x:\n${repeat(n, () => '- a\n').join('')}`) },
  { name: 'YAML: anchors', most: listItems, request: (n) => yaml(`x: [${repeat(n, (i) => `&a${i} v`).join(', ')}]\n`) },
  { name: 'YAML: aliases', most: listItems, request: (n) => yaml(`x: [&a v, ${repeat(n, () => '*a').join(', ')}]\n`) },
  { name: 'YAML: brackets', most: 1_000_000, request: (n) => yaml(`x: ${'['.repeat(n)}\n`) },
  { name: 'YAML: dashes', most: 1_000_000, request: (n) => yaml(`x:\n ${'- '.repeat(n / 2)}\n`) },
  { name: 'YAML: ever deeper', most: 1500, request: (n) => yaml(repeat(n, (i) => `${' '.repeat(i)}a:\n`).join('')) },
  { name: 'YAML: colons', most: 1_000_000, request: (n) => yaml(`x: ${': '.repeat(n / 2)}\n`) },
  { name: 'YAML: quotes', most: 1_000_000, request: (n) => yaml(`x: ${`'a' `.repeat(n / 4)}\n`) },
  { name: 'YAML: tabs', most: 1_000_000, request: (n) => yaml(`x:\n${'\t'.repeat(n)}y: 1\n`) },
  { name: 'YAML: comments', most: 1_000_000, request: (n) => yaml('#\n'.repeat(n / 2)) },
  { name: 'YAML: documents', most: 1_000_000, request: (n) => yaml('---\n'.repeat(n / 4)) },
  { name: 'YAML: folded text', most: 1_000_000, request: (n) => yaml(`data:\n  a: >\n${'    x\n\n'.repeat(n / 7)}`) },
  { name: 'YAML: tags', most: listItems, request: (n) => yaml(`x: [${repeat(n, () => '!!str a').join(', ')}]\n`) },
  {
    name: 'YAML: an apply of keys',
    most: mapKeys,
    request: (n) => ({
      method: 'PATCH',
      path: `${maps}/${fresh()}`,
      query: new URLSearchParams('fieldManager=m'),
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: Buffer.from(`apiVersion: v1\nkind: ConfigMap\ndata:\n${repeat(n, (i) => ` k${i}: v\n`).join('')}`),
    }),
  },
]

const patchTarget = `${maps}/patched`
const patch = (type: string, body: unknown, path = patchTarget): CostRequest => ({
  method: 'PATCH',
  path,
  query: new URLSearchParams('dryRun=All&fieldManager=m'),
  headers: { 'content-type': `application/${type}` },
  body: json(body),
})

/** Patches on an object that {@link prepareTarget} made as large as one can be. */
const patchForms: CostForm[] = [
  {
    name: 'JSON patch: moves at the start of a list',
    most: listItems,
    request: (n) =>
      patch('json-patch+json', [
        ...repeat(n - 1, () => ({ op: 'move', from: '/metadata/finalizers/0', path: '/metadata/finalizers/500' })),
      ]),
  },
  {
    name: 'JSON patch: items put at the start of a list',
    most: listItems,
    request: (n) =>
      patch(
        'json-patch+json',
        repeat(n, (i) => ({ op: 'add', path: '/metadata/finalizers/0', value: `a.b/${i}` })),
      ),
  },
  {
    name: 'JSON patch: tests of the whole',
    most: listItems,
    request: (n) =>
      patch(
        'json-patch+json',
        repeat(n, () => ({ op: 'test', path: '', value: null })),
      ),
  },
  {
    name: 'JSON patch: tests of what is equal',
    most: listItems / 2,
    request: (n) =>
      patch('json-patch+json', [
        { op: 'add', path: '/data', value: record(5000, () => 'v') },
        { op: 'copy', from: '/data', path: '/binaryData' },
        ...repeat(n, () => ({ op: 'move', from: '/data', path: '/data' })),
      ]),
  },
  {
    name: 'JSON patch: tests with a large value',
    most: 90,
    request: (n) =>
      patch('json-patch+json', [
        { op: 'add', path: '/data', value: record(500, () => 'v') },
        ...repeat(n, () => ({ op: 'test', path: '/data', value: record(500, () => 'v') })),
      ]),
  },
  {
    name: 'JSON patch: copies',
    most: listItems,
    request: (n) =>
      patch(
        'json-patch+json',
        repeat(n, () => ({ op: 'copy', from: '/data', path: '/data/x' })),
      ),
  },
  {
    name: 'JSON patch: copies of what is large to one place',
    most: listItems,
    request: (n) =>
      patch('json-patch+json', [
        { op: 'add', path: '/data', value: { a: 'x'.repeat(250) } },
        ...repeat(n, () => ({ op: 'copy', from: '/data', path: '/binaryData' })),
      ]),
  },
  {
    name: 'JSON patch: long pointers',
    most: 2_900_000,
    request: (n) => patch('json-patch+json', [{ op: 'remove', path: '/a'.repeat(n / 2) }]),
  },
  {
    name: 'JSON patch: long pointers again and again',
    most: 1000,
    request: (n) =>
      patch(
        'json-patch+json',
        repeat(n, () => ({ op: 'test', path: '/a'.repeat(1000), value: null })),
      ),
  },
  {
    name: 'merge patch: keys',
    most: mapKeys,
    request: (n) => patch('merge-patch+json', { data: record(n, () => 'w') }),
  },
  {
    name: 'merge patch: finalizers',
    most: listItems,
    request: (n) => patch('merge-patch+json', { metadata: { finalizers: repeat(n, (i) => `a.b/f${i}`) } }),
  },
  {
    name: 'strategic patch: keys',
    most: mapKeys,
    request: (n) => patch('strategic-merge-patch+json', { data: record(n, () => 'w') }),
  },
  {
    name: 'strategic patch: finalizers',
    most: listItems,
    request: (n) => patch('strategic-merge-patch+json', { metadata: { finalizers: repeat(n, (i) => `a.b/g${i}`) } }),
  },
  {
    name: 'strategic patch: deletions from a list',
    most: listItems,
    request: (n) =>
      patch('strategic-merge-patch+json', {
        metadata: { '$deleteFromPrimitiveList/finalizers': repeat(n, (i) => `a.b/f${i}`) },
      }),
  },
  {
    name: 'strategic patch: order of a list',
    most: listItems,
    request: (n) =>
      patch('strategic-merge-patch+json', {
        metadata: { '$setElementOrder/finalizers': repeat(n, (i) => `a.b/f${n - i}`), finalizers: ['a.b/new'] },
      }),
  },
  {
    name: 'strategic patch: keys to keep',
    most: mapKeys,
    request: (n) =>
      patch('strategic-merge-patch+json', {
        data: { ...record(n, () => 'v'), $retainKeys: repeat(n, (i) => `k${n - 1 - i}`) },
      }),
  },
  {
    name: 'strategic patch: lists to delete from',
    most: mapKeys,
    request: (n) =>
      patch('strategic-merge-patch+json', {
        metadata: Object.fromEntries(repeat(n, (i) => [`$deleteFromPrimitiveList/f${i}`, []])),
      }),
  },
  {
    name: 'apply: keys',
    most: mapKeys,
    request: (n) =>
      patch(
        'apply-patch+yaml',
        { apiVersion: 'v1', kind: 'ConfigMap', data: record(n, () => 'other') },
        `${maps}/${fresh()}`,
      ),
  },
  {
    name: 'apply: conflicts',
    most: mapKeys,
    request: (n) => patch('apply-patch+yaml', { apiVersion: 'v1', kind: 'ConfigMap', data: record(n, () => 'other') }),
  },
]

const get = (query: string, headers: CostRequest['headers'] = {}, path = maps): CostRequest => ({
  method: 'GET',
  path,
  query: new URLSearchParams(query),
  headers: { ...headers },
})
/** A request of an administrator's certificate with these headers. */
const asMaster = (headers: Record<string, string>): CostRequest => ({
  ...get('', headers),
  user: null,
  certificate: { commonName: 'cost-search', organizations: ['system:masters'], fingerprint: '00' },
})
/** What fits into a request line and its headers. */
const headerBytes = 60_000

/** Queries, paths and headers. */
const lineForms: CostForm[] = [
  { name: 'label selector: terms', most: 10_000, request: (n) => get(`labelSelector=${'a,'.repeat(n)}a`) },
  {
    name: 'label selector: values',
    most: 10_000,
    request: (n) => get(`labelSelector=a in (${repeat(n, (i) => `v${i}`).join()})`),
  },
  { name: 'label selector: spaces', most: headerBytes, request: (n) => get(`labelSelector=a${' '.repeat(n)}b`) },
  { name: 'label selector: signs', most: headerBytes, request: (n) => get(`labelSelector=${'!'.repeat(n)}`) },
  {
    name: 'label selector: one long key',
    most: headerBytes,
    request: (n) => get(`labelSelector=${'a.'.repeat(n / 2)}/b`),
  },
  {
    name: 'field selector: terms',
    most: 3000,
    request: (n) => get(`fieldSelector=${repeat(n, () => 'metadata.name!=a').join()}`),
  },
  {
    name: 'field selector: backslashes',
    most: headerBytes,
    request: (n) => get(`fieldSelector=metadata.name=${'\\\\'.repeat(n / 2)}`),
  },
  { name: 'field selector: signs', most: headerBytes, request: (n) => get(`fieldSelector=${'='.repeat(n)}`) },
  { name: 'continue token', most: headerBytes, request: (n) => get(`limit=2&continue=${'eyJ2'.repeat(n / 4)}`) },
  { name: 'resourceVersion', most: headerBytes, request: (n) => get(`resourceVersion=${'1'.repeat(n)}`) },
  {
    name: 'impersonation: groups',
    most: 4000,
    request: (n) => asMaster({ 'impersonate-user': 'x', 'impersonate-group': repeat(n, (i) => `g${i}`).join(', ') }),
  },
  {
    name: 'impersonation: extra values',
    most: 4000,
    request: (n) => asMaster({ 'impersonate-user': 'x', 'impersonate-extra-a': repeat(n, (i) => `e${i}`).join(', ') }),
  },
  {
    name: 'impersonation: extra keys',
    most: 1500,
    request: (n) =>
      asMaster({
        'impersonate-user': 'x',
        ...Object.fromEntries(repeat(n, (i) => [`impersonate-extra-k${i}`, 'v'])),
      }),
  },
  { name: 'query: parameters', most: 10_000, request: (n) => get(repeat(n, (i) => `a${i}=b`).join('&')) },
  { name: 'query: the same parameter', most: 10_000, request: (n) => get(repeat(n, () => 'dryRun=All').join('&')) },
  { name: 'path: parts', most: headerBytes, request: (n) => get('', {}, '/a'.repeat(n / 2)) },
  { name: 'path: escapes', most: headerBytes, request: (n) => get('', {}, `${maps}/${'%41'.repeat(n / 3)}`) },
  { name: 'path: slashes', most: headerBytes, request: (n) => get('', {}, '/'.repeat(n)) },
  { name: 'accept', most: headerBytes, request: (n) => get('', { accept: 'a/b;q=0.1,'.repeat(n / 10) }) },
  { name: 'accept: parameters', most: headerBytes, request: (n) => get('', { accept: `a/b${';a=b'.repeat(n / 4)}` }) },
  {
    name: 'content-type',
    most: headerBytes,
    request: (n) => ({ ...create({}), headers: { 'content-type': ' '.repeat(n) + ';' } }),
  },
  {
    name: 'user-agent',
    most: headerBytes,
    request: (n) => ({ ...create({}), headers: { 'user-agent': 'a '.repeat(n / 2) } }),
  },
]

/** What strangers can send. */
const strangerForms: CostForm[] = [
  {
    name: 'stranger: bearer token',
    most: headerBytes,
    request: (n) => ({ ...get('', { authorization: `Bearer ${'a.'.repeat(n / 2)}` }), user: null }),
  },
  {
    name: 'stranger: token of three parts',
    most: headerBytes,
    request: (n) => ({
      ...get('', { authorization: `Bearer ${'e'.repeat(n / 2)}.${'e'.repeat(n / 2)}.e` }),
      user: null,
    }),
  },
  {
    name: 'stranger: authorization of spaces',
    most: headerBytes,
    request: (n) => ({ ...get('', { authorization: `Bearer${' '.repeat(n)}a b` }), user: null }),
  },
  {
    name: 'stranger: basic',
    most: headerBytes,
    request: (n) => ({ ...get('', { authorization: `Basic ${'a'.repeat(n)}` }), user: null }),
  },
  {
    name: 'stranger: cookies',
    most: headerBytes,
    request: (n) => ({ ...get('', { cookie: 'a=b; '.repeat(n / 5) }), user: null }),
  },
  {
    name: 'stranger: a body for a page of health',
    most: 3_000_000,
    request: (n) => ({ method: 'GET', path: '/livez', body: Buffer.alloc(n, 0x5b), user: null }),
  },
  {
    name: 'stranger: keys in YAML',
    most: 100_000,
    request: (n) => ({ ...yaml(repeat(n, (i) => `k${i}: v\n`).join('')), user: null }),
  },
]

/** Every form that any server has. */
export const costForms: readonly CostForm[] = [
  ...objectForms,
  ...yamlForms,
  ...patchForms,
  ...lineForms,
  ...strangerForms,
]

/** The object that patches are tried on, and others for lists to look through. */
export const costObjects: readonly object[] = [
  {
    metadata: { name: 'patched', finalizers: repeat(1000, (i) => `a.b/f${i}`) },
    data: record(mapKeys - 1, () => 'v'),
  },
  ...repeat(200, (i) => ({ metadata: { name: `listed-${i}`, labels: { a: `v${i}`, b: 'x' } } })),
]
