import { KeyPair } from '@thresher/api/harvester/key-pair'
import { textColumn } from '../page/columns.tsx'
import { definePage } from '../page/page.ts'

export const sshKeys = definePage<KeyPair>({
  kind: KeyPair,
  help: 'sshKeysHelp',
  command: 'kubectl get keypairs -A',
  columns: [
    textColumn('type', 'type', ({ spec }) => spec.publicKey.split(' ')[0]),
    textColumn('fingerprint', 'fingerprint', ({ status }) => status?.fingerPrint),
    textColumn('comment', 'comment', ({ spec }) => spec.publicKey.trim().split(' ').slice(2).join(' '), true),
  ],
  draft: (namespace) => ({ metadata: { name: '', namespace }, spec: { publicKey: '' } }),
  fields: [
    { path: 'metadata.name', label: 'name', type: 'text', required: true },
    {
      path: 'spec.publicKey',
      label: 'publicKey',
      type: 'area',
      required: true,
      help: 'publicKeyHelp',
      placeholder: 'ssh-ed25519 AAAA… me@laptop',
    },
  ],
})
