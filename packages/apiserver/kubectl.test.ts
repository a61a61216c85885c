import { spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kinds } from '@thresher/api/kinds'
import { kubectlFor, type Kubectl } from './kubectl.ts'
import { startTestServer, type TestServer } from './testing.ts'

let server: TestServer
let kubectl: Kubectl

beforeAll(async () => {
  server = await startTestServer({ kinds })
  kubectl = await kubectlFor(server.kubeconfig)
})
afterAll(async () => {
  await kubectl[Symbol.asyncDispose]()
  await server.close()
})

/** Run and insist on success. */
async function ok(...args: Parameters<Kubectl>): Promise<string> {
  const { code, stdout, stderr } = await kubectl(...args)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

const deployment = (replicas: number, image = 'web:1') => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: a, image: '${image}', ports: [{containerPort: 80}]}]}
`

test('version and api-resources say what is served', async () => {
  expect(await ok('version')).toMatch(/Server Version: .*v1\.34/)
  expect(await ok('api-versions')).toContain('kubevirt.io/v1')
  expect(await ok('api-resources')).toMatch(/virtualmachines +vm/)
  expect(await ok('get', '--raw', '/readyz?verbose')).toContain('readyz check passed')
  expect(await ok('get', '--raw', '/metrics')).toContain('apiserver_request_total')
})

test('create makes objects of every kind that it has a command for', async () => {
  await ok('create', 'namespace', 'made')
  const made = ['--namespace', 'made']
  await ok('create', 'configmap', 'c', '--from-literal=a=b', ...made)
  expect(await ok('get', 'configmap', 'c', '-o', 'jsonpath={.data.a}', ...made)).toBe('b')
  await ok('create', 'secret', 'generic', 's', '--from-literal=password=häuschen', ...made)
  const secret = await ok('get', 'secret', 's', '-o', 'jsonpath={.data.password}', ...made)
  expect(Buffer.from(secret, 'base64').toString()).toBe('häuschen')
  await ok('create', 'serviceaccount', 'robot', ...made)
  await ok('create', 'role', 'reader', '--verb=get,list', '--resource=pods,configmaps', ...made)
  await ok('create', 'rolebinding', 'readers', '--role=reader', '--serviceaccount=made:robot', ...made)
  await ok('create', 'clusterrole', 'all-reader', '--verb=get', '--resource=pods')
  await ok('create', 'clusterrolebinding', 'all-readers', '--clusterrole=all-reader', '--user=anna')
  await ok('create', 'quota', 'small', '--hard=pods=3,requests.cpu=2', ...made)
  await ok('create', 'deployment', 'shop', '--image=shop:1', '--replicas=2', '--port=8080', ...made)
  expect(
    await ok(
      'get',
      'deployment',
      'shop',
      '-o',
      'jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}',
      ...made,
    ),
  ).toBe('2 shop:1')
  await ok('create', 'job', 'once', '--image=job:1', ...made, '--', 'true', 'x')
  expect(await ok('get', 'job', 'once', '-o', 'jsonpath={.spec.template.spec.containers[0].command}', ...made)).toBe(
    '["true","x"]',
  )
  // Before 1.21 kubectl made these two in beta versions, which servers of today do not have.
  if (kubectl.minor >= 21) {
    await ok('create', 'cronjob', 'often', '--image=job:1', '--schedule=*/5 * * * *', ...made)
    await ok('create', 'poddisruptionbudget', 'careful', '--selector=app=shop', '--min-available=1', ...made)
  }
  await ok('create', 'priorityclass', 'first', '--value=1000')
  await ok('create', 'service', 'clusterip', 'front', '--tcp=80:8080', ...made)
  await ok('create', 'ingress', 'way', '--rule=example.com/*=front:80', ...made)
  expect(
    await ok('get', 'ingress', 'way', '-o', 'jsonpath={.spec.rules[0].http.paths[0].backend.service.name}', ...made),
  ).toBe('front')
  await ok('expose', 'deployment', 'shop', '--port=80', '--name=shop', ...made)
  await ok('run', 'lone', '--image=lone:1', ...made)
  expect(await ok('get', 'all', ...made)).toContain('deployment.apps/shop')
})

test('apply, diff, edit by replace, scale, patch, label, annotate, wait and delete work on one object', async () => {
  const yaml = { input: deployment(2) }
  expect(await ok('apply', '-f', '-', yaml)).toContain('created')
  expect(await ok('apply', '-f', '-', yaml)).toContain('unchanged')
  const diff = await kubectl('diff', '-f', '-', { input: deployment(3) })
  expect(diff.code).toBe(1)
  expect(diff.stdout).toContain('+  replicas: 3')
  expect(await ok('apply', '-f', '-', { input: deployment(3) })).toContain('configured')
  expect(await ok('apply', '--dry-run=server', '-f', '-', { input: deployment(9) })).toContain('server dry run')
  expect(await ok('get', 'deploy', 'web', '-o', 'jsonpath={.spec.replicas}')).toBe('3')
  await ok('scale', 'deployment', 'web', '--replicas=5')
  await ok('set', 'image', 'deployment/web', 'a=web:2')
  await ok('label', 'deployment', 'web', 'tier=front')
  await ok('annotate', 'deployment', 'web', 'note=kept')
  await ok(
    'patch',
    'deployment',
    'web',
    '-p',
    '{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"side:1"}]}}}}',
  )
  await ok('patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"replace","path":"/spec/replicas","value":1}]')
  await ok('patch', 'deployment', 'web', '--type=merge', '-p', '{"metadata":{"annotations":{"more":"yes"}}}')
  if (kubectl.minor >= 24) {
    const status = '{"status":{"readyReplicas":1}}'
    await ok('patch', 'deployment', 'web', '--subresource=status', '--type=merge', '-p', status)
  }
  const found = JSON.parse(await ok('get', 'deployment', 'web', '-o', 'json')) as {
    spec: { replicas: number; template: { spec: { containers: { name: string; image: string }[] } } }
    metadata: { annotations: Record<string, string>; labels: Record<string, string> }
    status: object
  }
  expect(found.spec.replicas).toBe(1)
  expect(found.spec.template.spec.containers.map((one) => `${one.name} ${one.image}`).toSorted()).toEqual([
    'a web:2',
    'b side:1',
  ])
  expect(found.metadata).toMatchObject({ labels: { tier: 'front' }, annotations: { note: 'kept', more: 'yes' } })
  expect(found.status).toEqual(kubectl.minor >= 24 ? { readyReplicas: 1 } : undefined)
  if (kubectl.minor >= 23) await ok('wait', '--for=jsonpath={.spec.replicas}=1', 'deployment/web', '--timeout=10s')
  await ok('replace', '-f', '-', { input: deployment(4) })
  expect(await ok('describe', 'deployment', 'web')).toContain('Replicas')
  expect(await ok('get', 'deploy', '-l', 'app=web', '-o', 'name')).toBe('deployment.apps/web\n')
  expect(await ok('delete', 'deployment', 'web')).toContain('deleted')
  expect((await kubectl('get', 'deployment', 'web')).stderr).toContain('deployments.apps "web" not found')
})

test('server-side apply names the other manager in a conflict, and takes over by force', async () => {
  await ok('apply', '--server-side', '--field-manager=one', '-f', '-', { input: deployment(2) })
  const refused = await kubectl('apply', '--server-side', '--field-manager=two', '-f', '-', { input: deployment(3) })
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(/conflict with "one".*\.spec\.replicas/s)
  await ok('apply', '--server-side', '--field-manager=two', '--force-conflicts', '-f', '-', { input: deployment(3) })
  await ok('delete', '-f', '-', { input: deployment(3) })
})

test('create of what is there, of a wrong name and with unknown fields is refused with the reason', async () => {
  await ok('create', 'configmap', 'twice')
  expect((await kubectl('create', 'configmap', 'twice')).stderr).toContain('configmaps "twice" already exists')
  expect((await kubectl('create', 'configmap', 'Bad_Name')).stderr).toMatch(
    /metadata\.name: Invalid value: "Bad_Name".*RFC 1123/,
  )
  const wrong = deployment(1).replace('replicas:', 'replicass:')
  expect((await kubectl('create', '-f', '-', { input: wrong })).stderr).toMatch(/unknown field "(spec\.)?replicass"/)
  expect((await kubectl('create', '--namespace=nowhere', 'configmap', 'x')).stderr).toContain(
    'namespaces "nowhere" not found',
  )
})

test('explain shows the schema', async () => {
  expect(await ok('explain', 'deployment.spec.replicas')).toMatch(/FIELD: +replicas <integer>/)
  expect(await ok('explain', 'virtualmachine.spec')).toContain('runStrategy')
})

test('get prints tables, wide, sorted, selected by field, and as YAML', async () => {
  for (const name of ['b-pod', 'a-pod']) {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'a', image: 'x' }] } }
    await ok('create', '-f', '-', { input: JSON.stringify(pod) })
  }
  expect(await ok('get', 'pods')).toMatch(/NAME +READY +STATUS +RESTARTS +AGE\na-pod +0\/1 +Pending/)
  expect(await ok('get', 'pods', '-o', 'wide')).toContain('NODE')
  expect(await ok('get', 'pods', '-A', '--field-selector=metadata.name=b-pod', '-o', 'name')).toBe('pod/b-pod\n')
  expect(await ok('get', 'pods', '--field-selector=status.phase=Running', '-o', 'name')).toBe('')
  expect(await ok('get', 'pods', '--sort-by=.metadata.name', '--chunk-size=1', '-o', 'name')).toBe(
    'pod/a-pod\npod/b-pod\n',
  )
  expect(await ok('get', 'pod', 'a-pod', '-o', 'yaml')).toContain('kind: Pod')
})

test('get --watch prints changes as they happen', async () => {
  const child = spawn('kubectl', ['--kubeconfig', server.kubeconfig, 'get', 'configmaps', '--watch', '-o', 'name'])
  let printed = ''
  child.stdout.on('data', (data: Buffer) => {
    printed += data.toString()
  })
  await expect.poll(() => printed, { timeout: 10_000 }).toContain('twice')
  await ok('create', 'configmap', 'watched')
  await expect.poll(() => printed, { timeout: 10_000 }).toContain('watched')
  child.kill()
})

test('delete --all, by selector and with each propagation works', async () => {
  for (const [index, cascade] of ['background', 'orphan', 'foreground'].entries()) {
    await ok('create', 'configmap', `gone-${index}`)
    await ok('label', 'configmap', `gone-${index}`, 'gone=yes')
    if (cascade === 'background') await ok('delete', 'configmap', '-l', 'gone=yes', `--cascade=${cascade}`)
  }
  await ok('delete', 'pods', '--all', '--force', '--grace-period=0')
  expect(await ok('get', 'pods', '-o', 'name')).toBe('')
})

test('an unknown kind, and a verb that a path does not know, are told apart', async () => {
  expect((await kubectl('get', 'unicorns')).stderr).toContain('the server doesn\'t have a resource type "unicorns"')
  expect((await kubectl('get', '--raw', '/apis/nothing.example/v1/x')).stderr).toContain(
    'could not find the requested resource',
  )
})
