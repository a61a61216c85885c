import { expect, test } from 'vitest'
import { readAttachment } from './attachment.ts'

const bridge = (more: object = {}) =>
  JSON.stringify({ cniVersion: '0.3.1', name: 'n', type: 'bridge', bridge: 'fast-br', ipam: {}, ...more })

test.each([
  [bridge({ vlan: 10 }), { kind: 'vlan', clusterNetwork: 'fast', vlan: 10 }],
  [bridge(), { kind: 'untagged', clusterNetwork: 'fast' }],
  [bridge({ vlan: 0 }), { kind: 'untagged', clusterNetwork: 'fast' }],
  [
    bridge({
      vlanTrunk: [{ minID: 30, maxID: 40 }, { minID: 10, maxID: 20 }, { id: 21 }],
    }),
    {
      kind: 'trunk',
      clusterNetwork: 'fast',
      ranges: [
        { min: 10, max: 21 },
        { min: 30, max: 40 },
      ],
    },
  ],
  ['{"type":"kube-ovn","provider":"n.lab.ovn"}', { kind: 'overlay' }],
])('reads %s', (config, attachment) => expect(readAttachment(config)).toEqual(attachment))

test.each([
  ['{', "must be CNI's JSON object"],
  ['[]', "must be CNI's JSON object"],
  ['{"type":"macvlan"}', 'has the type "macvlan"'],
  ['{"type":"bridge"}', 'has the bridge ""'],
  ['{"type":"bridge","bridge":"-br"}', 'has the bridge "-br"'],
  [bridge({ vlan: 4095 }), 'has vlan 4095'],
  [bridge({ vlan: -1 }), 'has vlan -1'],
  [bridge({ vlan: '10' }), 'has a field of another type'],
  [bridge({ vlan: 3, vlanTrunk: [{ minID: 1, maxID: 2 }] }), 'has both vlan and vlanTrunk'],
  [bridge({ vlanTrunk: [{ minID: 9, maxID: 2 }] }), 'has a trunk of 9 to 2'],
  [bridge({ vlanTrunk: [{ minID: 1, maxID: 4095 }] }), 'has a trunk of 1 to 4095'],
])('says what is wrong with %s', (config, problem) =>
  expect(readAttachment(config)).toEqual({ problem: expect.stringContaining(problem) }),
)
