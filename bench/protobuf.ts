/**
 * What reading and writing an object costs as protobuf, beside JSON of the same object in the same run.
 *
 * `node bench/protobuf.ts`
 */
import { messageOf } from '@thresher/api/protobuf/kinds'
import { encodeObject, parseProtobuf } from '@thresher/apiserver/protobuf/envelope'

const managed = [
  {
    manager: 'kubectl',
    operation: 'Update',
    apiVersion: 'v1',
    time: '2026-01-31T12:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } }, 'f:spec': { 'f:containers': {} } },
  },
]
const metadata = {
  name: 'web-6c8f7b9d4-x2x7q',
  namespace: 'default',
  uid: '0b0c8d9e-7a41-4a5e-9f6c-2d1f0a3b4c5d',
  resourceVersion: '123456',
  creationTimestamp: '2026-01-31T12:00:00Z',
  labels: { app: 'web', 'pod-template-hash': '6c8f7b9d4' },
  managedFields: managed,
}
const objects = [
  {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec: {
      holderIdentity: 'node-1_0b0c8d9e',
      leaseDurationSeconds: 15,
      renewTime: '2026-01-31T12:00:00.123456Z',
      leaseTransitions: 3,
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      nodeName: 'node-1',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      containers: Array.from({ length: 3 }, (_, index) => ({
        name: `c${index}`,
        image: 'registry.example/web:1.2.3',
        args: ['--listen=:8080', '--verbose'],
        ports: [{ containerPort: 8080, protocol: 'TCP' }],
        env: Array.from({ length: 8 }, (_each, at) => ({ name: `VARIABLE_${at}`, value: `value ${at}` })),
        resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
        imagePullPolicy: 'IfNotPresent',
        livenessProbe: { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' }, periodSeconds: 10 },
      })),
    },
    status: {
      phase: 'Running',
      podIP: '10.52.0.7',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-31T12:00:05Z' }],
    },
  },
]

/** The best of several rounds, in microseconds for one call. */
function microseconds(run: () => unknown): number {
  let best = Infinity
  for (let round = 0; round < 7; round += 1) {
    const start = performance.now()
    for (let call = 0; call < 4000; call += 1) run()
    best = Math.min(best, ((performance.now() - start) * 1000) / 4000)
  }
  return best
}

for (const object of objects) {
  const { apiVersion, kind } = object
  const message = messageOf(apiVersion, kind)!
  const json = Buffer.from(JSON.stringify(object))
  const bytes = encodeObject(message, apiVersion, kind, object)
  const rows = {
    bytes: [json.length, bytes.length],
    'read, µs': [microseconds(() => JSON.parse(json.toString())), microseconds(() => parseProtobuf(bytes))],
    'write, µs': [
      microseconds(() => Buffer.from(JSON.stringify(object))),
      microseconds(() => encodeObject(message, apiVersion, kind, object)),
    ],
  }
  for (const [what, [ofJson = 0, ofProtobuf = 0]] of Object.entries(rows))
    console.log(
      `${kind} ${what}: JSON ${ofJson.toFixed(1)}, protobuf ${ofProtobuf.toFixed(1)}, ratio ${(ofProtobuf / ofJson).toFixed(2)}`,
    )
}
